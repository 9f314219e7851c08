"""The command line: one module per command, each loaded only when it runs."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit: 0 well, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        from ringback.cli.program import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after a command, which has its own way to end
        status = 130
    if "obstore" in sys.modules:
        # The S3 client's threads may call into an interpreter that is ending, which aborts it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
