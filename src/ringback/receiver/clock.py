"""The machine's time for the receiver kit: the only reader of it in this room."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time, as the receiver reads it."""

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""


class SystemClock:
    """``Clock`` by the machine."""

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()
