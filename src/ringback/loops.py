"""The server's loops: each goes on whatever it raises, and it is known which are not well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ringback.clock import Clock
from ringback.log import get_logger

log = get_logger(__name__)

_AGAIN_S = 1.0
_WELL_AFTER_S = 5.0


class Loops:
    """Named loops, each begun again a second after it broke."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._broke_at: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def broken(self) -> tuple[str, ...]:
        """Return the names of those that broke and have not run for five seconds since."""
        since = self._clock.monotonic() - _AGAIN_S - _WELL_AFTER_S
        return tuple(name for name, broke_at in self._broke_at.items() if broke_at > since)

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a loop until it ends by itself or all of them are stopped."""
        self._tasks.append(asyncio.create_task(self.keep_up(name, work), name=name))

    async def stop(self) -> None:
        """Cancel every loop and return when none runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def keep_up(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a loop until it ends by itself; one that breaks is logged and begun again."""
        while True:
            try:
                await work()
            except Exception:
                self._broke_at[name] = self._clock.monotonic()
                log.exception("loop_broke", loop=name)
                await self._clock.sleep(_AGAIN_S)
            else:
                return
