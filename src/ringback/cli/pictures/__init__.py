"""Pictures between the lines of a terminal, where it can show them."""
