"""An asyncio limiter that shares its slots fairly between keys; the key is the workspace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, suppress

from ringback.concurrency.fair_share import FairShare


class FairLimiter:
    """Limits how many tasks run at once, and divides the slots fairly between keys.

    A freed slot goes to the waiting key that holds the fewest, or among equals to the key that
    was served longest ago. Within a key, first come is first served. Use one per event loop.
    """

    def __init__(self, slots: int, *, reserve: int = 0) -> None:
        self._share = FairShare(slots, reserve=reserve)
        # The key that was served longest ago stands first.
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @property
    def held_count(self) -> int:
        """Return how many slots are taken."""
        return self._share.held_count

    @property
    def waiting_count(self) -> int:
        """Return how many tasks wait for a slot."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def slot(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for a slot and hold it for the time of the context."""
        await self._acquire(key)
        try:
            yield
        finally:
            self._release(key)

    async def _acquire(self, key: Hashable) -> None:
        if key not in self._waiting and self._share.may_take(key):
            self._share.take(key)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(key, turn)
            else:  # it got its slot just before it was cancelled
                self._release(key)
            raise

    def _release(self, key: Hashable) -> None:
        self._share.give_back(key)
        if (turns := self._waiting.pop(key, None)) is not None:
            self._waiting[key] = turns  # to the end: this key was served last
        self._serve()

    def _serve(self) -> None:
        """Give the free slots to the waiting keys, the fairest first."""
        share = self._share
        while True:
            able = [key for key in self._waiting if share.may_take(key)]
            if not able:
                return
            key = min(able, key=share.held)  # the first of those that hold the fewest
            turns = self._waiting.pop(key)
            turn = turns.popleft()
            if not turn.cancelled():
                share.take(key)
                turn.set_result(None)
            if turns:
                self._waiting[key] = turns

    def _forget(self, key: Hashable, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(key, deque())
        with suppress(ValueError):  # _serve has removed it already
            turns.remove(turn)
        if not turns:
            self._waiting.pop(key, None)
