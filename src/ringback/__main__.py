"""Runs the command line: ``python -m ringback``."""

from ringback.cli import main

if __name__ == "__main__":  # the drawing process imports its parent's main module
    main()
