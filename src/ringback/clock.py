"""Reads the machine's time; every other module takes a ``Clock`` as an argument."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    """The current time, and waiting."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC, which storage and identifiers use."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for durations and deadlines."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class SystemClock:
    """The machine's own time."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    # Read several times per request, so it is not wrapped in a function of ours.
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


def moment(ms: int) -> datetime:
    """Return the aware UTC time of milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


def to_ms(at: datetime) -> int:
    """Return milliseconds since 1970 of an aware time."""
    return (at - _EPOCH) // _MILLISECOND
