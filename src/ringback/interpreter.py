"""How the interpreter runs a server: measured, and the same for the benchmarks."""

from __future__ import annotations

import gc
import sys


def tune_interpreter() -> None:
    """Set the interpreter's own knobs for a process that serves."""
    # The thread that commits needs the interpreter's lock to say so: it shall not wait long for it.
    sys.setswitchinterval(0.0005)
    # Nearly everything made per job is freed by counting; looking for cycles often costs 6 %.
    gc.set_threshold(20_000, 20, 20)
