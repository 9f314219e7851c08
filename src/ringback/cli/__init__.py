"""The command line: one module per command, each loaded only when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit: 0 well, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        from ringback.cli.program import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after a command, which has its own way to end
        status = 130
    sys.exit(status)
