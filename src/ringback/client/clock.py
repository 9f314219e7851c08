"""The clocks of the client, synchronous and asynchronous."""

from __future__ import annotations

import time
from typing import Protocol


class Time(Protocol):
    """The time of day, and a time for durations."""

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""


class Clock(Time, Protocol):
    """Time, for clients that wait by blocking."""

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class AsyncClock(Time, Protocol):
    """Time, for clients that wait on an event loop."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class MachineTime:
    """``Time`` by the machine."""

    now_s = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class SystemClock(MachineTime):
    """``Clock`` by the machine."""

    sleep = staticmethod(time.sleep)


class AsyncSystemClock(MachineTime):
    """``AsyncClock`` by the machine."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        # Imported late: the synchronous client does not need it.
        import asyncio

        await asyncio.sleep(seconds)
