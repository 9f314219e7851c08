"""Live pages: what many look at is looked up once, and each is told when it has changed.

Jobs and deliveries may change in other processes, which ring no bell here; so a thing that somebody
watches is looked at again and again, once for all its watchers, and faster while it moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

from msgspec import Struct

from ringback.api.streams import HEARTBEAT_S
from ringback.clock import Clock
from ringback.doorbell import Doorbell
from ringback.errors import RingbackError
from ringback.service import Service

MOVING_S = 0.4
RESTING_S = 1.0
_MOVES_ON_S = 3.0  # how long what has changed is taken to go on


class Seen(Struct, frozen=True):
    """What a look brought; another mark means that it has changed."""

    mark: Hashable
    value: Any = None


Look = Callable[[], Awaitable[Seen]]


class _Watch:
    """One thing that is looked at for as long as anybody watches it."""

    def __init__(self, look: Look, clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self.bells: set[Doorbell] = set()
        self.seen: Seen | None = None
        self.has_ended = False
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            changed_at = self._clock.monotonic()
            while True:
                seen = await self._look()
                now = self._clock.monotonic()
                if self.seen is None or seen.mark != self.seen.mark:
                    self.seen, changed_at = seen, now
                    self._ring()
                is_moving = now - changed_at < _MOVES_ON_S
                await self._clock.sleep(MOVING_S if is_moving else RESTING_S)
        except RingbackError:
            pass  # it is no longer there: the page says so when it is reloaded
        finally:
            self.has_ended = True
            self._ring()

    def _ring(self) -> None:
        for bell in self.bells:
            bell.ring()


class Watches:
    """Everything that somebody watches now."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._watches: dict[Hashable, _Watch] = {}

    async def follow(self, name: Hashable, look: Look) -> AsyncIterator[Seen | None]:
        """Yield what is seen now and whenever it has changed; None when nothing did for a while."""
        watch = self._watches.get(name)
        if watch is None or watch.has_ended:
            watch = self._watches[name] = _Watch(look, self._clock)
            watch.task = asyncio.create_task(watch.run())
        bell = Doorbell()
        watch.bells.add(bell)
        told: Seen | None = None
        try:
            with self._service.ringing_at_drain(bell):
                while not self._service.is_draining:
                    if watch.seen is not told:
                        told = watch.seen
                        yield told
                    elif watch.has_ended:
                        return
                    else:
                        await bell.wait(HEARTBEAT_S)
                        if watch.seen is told and not watch.has_ended:
                            yield None
        finally:
            watch.bells.discard(bell)
            if not watch.bells:
                self._end(name, watch)

    def _end(self, name: Hashable, watch: _Watch) -> None:
        assert watch.task is not None
        watch.task.cancel()
        if self._watches.get(name) is watch:
            del self._watches[name]
