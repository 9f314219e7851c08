"""Supervises the server's loops: restarts those that break, and reports them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf

from ringback.clock import Clock
from ringback.errors import StorageError
from ringback.log import get_logger, log_waiting

log = get_logger(__name__)

_AGAIN_S = 1.0
_HEALTHY_AFTER_S = 5.0


class TaskSupervisor:
    """Named loops, each restarted a second after it broke."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._broke_at: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def broken(self) -> tuple[str, ...]:
        """Return the names of loops that broke and have not run for five seconds since."""
        since = self._clock.monotonic() - _AGAIN_S - _HEALTHY_AFTER_S
        return tuple(name for name, broke_at in self._broke_at.items() if broke_at > since)

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a loop until it ends by itself or the supervisor stops."""
        self._tasks.append(asyncio.create_task(self.keep_up(name, work), name=name))

    async def stop(self, timeout_s: float = inf) -> tuple[str, ...]:
        """Cancel every loop; return the names of those that still run after the timeout."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=None if timeout_s == inf else timeout_s)
        return tuple(task.get_name() for task in self._tasks if not task.done())

    async def keep_up(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a loop until it ends by itself; log and restart it when it breaks.

        A full disk or an unreachable database breaks no loop: it waits and restarts.
        """
        while True:
            try:
                await work()
            except StorageError as exc:
                log_waiting(log, exc, loop=name, waiting_s=_AGAIN_S)
                await self._clock.sleep(_AGAIN_S)
            except Exception:
                self._broke_at[name] = self._clock.monotonic()
                log.exception("loop_broke", loop=name)
                await self._clock.sleep(_AGAIN_S)
            else:
                return
