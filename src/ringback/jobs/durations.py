"""Durations as people write them: ``250ms``, ``5s``, ``3m``, ``75h``, ``1.5h``, ``2d``."""

from __future__ import annotations

import re

from ringback.errors import InvalidFaults

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?(ms|s|m|h|d)")
_SHOWN_MAX = 40

DURATION_MS_MAX = 366 * _UNITS_MS["d"]


def parse_duration(text: str) -> int:
    """Return a duration in milliseconds, or raise ``InvalidFaults``."""
    ms = _milliseconds(text)
    if ms is None:
        raise InvalidFaults(
            f"{shown(text)} is not a duration; write a number and a unit of ms, s, m, h or d, "
            "like 250ms, 5s or 75h."
        )
    if not 1 <= ms <= DURATION_MS_MAX:
        raise InvalidFaults(f"{shown(text)} is out of bounds; a duration is from 1ms to 366d.")
    return ms


def format_duration(ms: int) -> str:
    """Return a duration in the largest unit that leaves a whole number."""
    for unit, unit_ms in _UNITS_MS.items():
        if ms and ms % unit_ms == 0:
            return f"{ms // unit_ms}{unit}"
    return "0s"


def about(ms: int) -> str:
    """Return a rounded duration for people: in hours, minutes or seconds, to a tenth."""
    unit = next((unit for unit in ("h", "m") if ms >= _UNITS_MS[unit]), "s")
    return f"{ms / _UNITS_MS[unit]:.1f}".removesuffix(".0") + unit


def shown(text: str) -> str:
    """Return a user's text for an error message: quoted and shortened."""
    return repr(text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…")


def _milliseconds(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    whole, decimals, unit = match.groups()
    thousandths = int(whole) * 1000 + int((decimals or "").ljust(3, "0"))
    ms, rest = divmod(thousandths * _UNITS_MS[unit], 1000)
    return None if rest else ms
