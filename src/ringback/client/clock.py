"""The machine's time for the client: the only reader of it in this room."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time, for clients that wait by blocking."""

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class AsyncClock(Protocol):
    """Time, for clients that wait on an event loop."""

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class SystemClock:
    """``Clock`` by the machine."""

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        time.sleep(seconds)


class AsyncSystemClock:
    """``AsyncClock`` by the machine."""

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        # Imported late: whoever waits by blocking needs none of it.
        import asyncio

        await asyncio.sleep(seconds)
