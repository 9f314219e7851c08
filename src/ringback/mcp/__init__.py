"""Tools of the Model Context Protocol, by which language models use Ringback."""
