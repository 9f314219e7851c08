"""A clock for tests, which stands still until a test advances it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import timedelta
from itertools import count

_START_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z


class FakeClock:
    """A ``Clock`` that stands still until a test advances it."""

    def __init__(self, start_ms: int = _START_MS) -> None:
        self._start_ms = start_ms
        self._elapsed_us = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return self._start_ms + self._elapsed_us // 1000

    def monotonic(self) -> float:
        """Return the seconds by which the clock was advanced in all."""
        return self._elapsed_us / 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was advanced by that much; zero yields to other tasks once."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        if seconds <= 0:
            loop.call_soon(wake, woken)
        else:
            wake_at_us = self._elapsed_us + round(seconds * 1_000_000)
            heapq.heappush(self._sleepers, (wake_at_us, next(self._numbers), woken))
        await woken

    @property
    def sleepers_count(self) -> int:
        """Return how many tasks sleep on this clock."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    def advance(self, by: float | timedelta) -> None:
        """Advance time and wake the sleepers that are due, in order; they run at the next await."""
        until_us = self._elapsed_us + _microseconds(by)
        while self._wake_next(until_us):
            pass
        self._elapsed_us = until_us

    async def elapse(self, by: float | timedelta) -> None:
        """Advance time step by step: each sleeper runs, and may sleep again, before the next."""
        until_us = self._elapsed_us + _microseconds(by)
        await settle()
        while self._wake_next(until_us):
            await settle()
        self._elapsed_us = until_us

    def _wake_next(self, until_us: int) -> bool:
        if not self._sleepers or self._sleepers[0][0] > until_us:
            return False
        self._elapsed_us, _, woken = heapq.heappop(self._sleepers)
        wake(woken)
        return True


async def settle(turns: int = 20) -> None:
    """Let every task that can run do so, for some turns of the event loop."""
    loop = asyncio.get_running_loop()
    for _ in range(turns):
        turned = loop.create_future()
        loop.call_soon(wake, turned)
        await turned


def wake(woken: asyncio.Future[None]) -> None:
    """Complete the future unless it is done already."""
    if not woken.done():
        woken.set_result(None)


def _microseconds(by: float | timedelta) -> int:
    seconds = by.total_seconds() if isinstance(by, timedelta) else by
    if seconds < 0:
        raise ValueError("time does not run backwards")
    return round(seconds * 1_000_000)
