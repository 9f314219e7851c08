"""Finds the program that speaks, which some machines have."""

from __future__ import annotations

import shutil

_NAMES = ("espeak-ng", "espeak")


def find_program() -> str | None:
    """Return the path of the program, or None where it is not installed."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)
