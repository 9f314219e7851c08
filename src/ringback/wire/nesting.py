"""The nesting of JSON values. Pure.

Readers of JSON take some hundred levels, and recursive code fewer: each call of a function takes
a part of the same limit. A value that has passed this bound may be walked by recursion.
"""

from __future__ import annotations

from typing import Any

NESTING_MAX = 100
"""Levels of lists and objects that a value from outside may have."""


def is_too_deep(value: Any) -> bool:
    """Say whether a value has more levels than ``NESTING_MAX``; found without recursion."""
    level = [value]
    for _ in range(NESTING_MAX + 1):
        containers = [one for one in level if isinstance(one, dict | list)]
        if not containers:
            return False
        level = [
            inner
            for one in containers
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return True
