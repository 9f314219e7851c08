"""The parts of ``Store`` that both SQL databases share, one module for each port."""
