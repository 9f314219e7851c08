"""Tunes the interpreter for a server, by measured values that the benchmarks share."""

from __future__ import annotations

import gc
import sys


def tune_interpreter() -> None:
    """Set thread switching and garbage collection for a process that serves."""
    # The thread that commits needs the interpreter's lock to report it, and must get it soon.
    sys.setswitchinterval(0.0005)
    # Reference counts free nearly every object of a job; frequent collections cost 6 %.
    gc.set_threshold(20_000, 20, 20)
