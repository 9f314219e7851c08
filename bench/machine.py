"""What a figure was measured on, and how to keep the measured and the measurer apart."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Sequence

import apsw

import ringback

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORE = CORES[0] if CORES else None
LOAD_CORE = CORES[1] if len(CORES) > 1 else SERVER_CORE


def describe() -> str:
    """Return one line about what runs and on what."""
    return (
        f"ringback {ringback.__version__}, CPython {platform.python_version()}, "
        f"SQLite {apsw.sqlite_lib_version()}, {platform.system()} {platform.machine()}, "
        f"{_processor()}, {len(CORES) or os.cpu_count()} cores; "
        f"the measured on core {SERVER_CORE}, the load on core {LOAD_CORE}"
    )


def pin(core: int | None, pid: int = 0) -> None:
    """Keep a process (this one by default) on one core, where the system can."""
    if core is not None:
        os.sched_setaffinity(pid, {core})


def percentile(values: Sequence[float], fraction: float) -> float:
    """Return the value below which that fraction of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def say(figure: str, value: str, aim: str = "") -> None:
    """Print one figure beside what it must reach."""
    print(f"{figure:<58} {value:>18}   {aim}", flush=True)


def note(text: str) -> None:
    """Tell how the work goes, apart from the figures."""
    print(text, file=sys.stderr, flush=True)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown processor"
