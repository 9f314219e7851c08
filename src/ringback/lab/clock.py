"""The emulator's clock: the machine's time, plus the time by which a developer has advanced it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringback.clock import Clock, SystemClock


@dataclass(slots=True, eq=False)
class _Sleeper:
    wakes_at: float
    woken: asyncio.Future[None]
    timer: asyncio.TimerHandle


class LabClock:
    """Time that flows as the machine's does and can be advanced, which wakes sleepers.

    ``ahead_ms`` is the lead of an earlier process: time must not go back over a restart, or due
    deliveries would no longer be due.
    """

    def __init__(self, base: Clock | None = None, *, ahead_ms: int = 0) -> None:
        self._base = base or SystemClock()
        self._ahead_ms = ahead_ms
        self._sleepers: set[_Sleeper] = set()

    @property
    def ahead_ms(self) -> int:
        """Return how far ahead of the machine's time it is."""
        return self._ahead_ms

    def machine_ms(self) -> int:
        """Return the machine's own time, with which receivers compare timestamps."""
        return self._base.now_ms()

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return self._base.now_ms() + self._ahead_ms

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._base.monotonic() + self._ahead_ms / 1000

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds, passed or advanced."""
        if seconds <= 0:
            await self._base.sleep(0)
            return
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        sleeper = _Sleeper(
            wakes_at=self.monotonic() + seconds,
            woken=woken,
            timer=loop.call_later(seconds, _wake, woken),
        )
        self._sleepers.add(sleeper)
        try:
            await woken
        finally:
            sleeper.timer.cancel()
            self._sleepers.discard(sleeper)

    def advance(self, seconds: float) -> None:
        """Advance the time and wake, in order, the sleepers whose time has come, at the next await.

        Raises ``ValueError`` for a negative number: time does not run backwards.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._ahead_ms += round(seconds * 1000)
        now = self.monotonic()
        loop = asyncio.get_running_loop()
        for sleeper in sorted(self._sleepers, key=lambda sleeper: sleeper.wakes_at):
            sleeper.timer.cancel()
            left_s = sleeper.wakes_at - now
            if left_s <= 0:
                _wake(sleeper.woken)
            else:
                sleeper.timer = loop.call_later(left_s, _wake, sleeper.woken)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
