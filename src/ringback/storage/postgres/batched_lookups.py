"""Look-ups that share round trips, as writes share commits.

While one statement of a name is under way, further callers of that name wait; the next statement
takes all their keys. It begins after their calls, so that callers read their own writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from ringback.clock import Clock
from ringback.storage.postgres.statements import GROUPED
from ringback.storage.transactions.work import Rows

Key = tuple[Any, ...]
Read = Callable[[str, Mapping[str, Any], float], Awaitable[Rows]]
"""Returns the rows of a named statement; its caller has waited for so many seconds already."""

_KEYS_MAX = 512


class _Waiting(NamedTuple):
    key: Key
    future: asyncio.Future[Rows]
    since: float


class BatchedLookups:
    """Rows by key, those of many keys in one statement."""

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._waiting: dict[str, list[_Waiting]] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    async def rows(self, name: str, bound: Mapping[str, Any]) -> Rows:
        """Return the rows of one of the ``GROUPED`` statements."""
        future: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        key = tuple(bound[column] for column in GROUPED[name])
        waiting = _Waiting(key, future, self._clock.monotonic())
        self._waiting.setdefault(name, []).append(waiting)
        if name not in self._serving:
            self._serving[name] = asyncio.create_task(self._serve(name))
        return await future

    async def _serve(self, name: str) -> None:
        waiting = self._waiting[name]
        try:
            while waiting:
                group = waiting[:_KEYS_MAX]
                del waiting[:_KEYS_MAX]
                await self._answer(name, group)
        finally:
            del self._serving[name]

    async def _answer(self, name: str, group: list[_Waiting]) -> None:
        keys = list(dict.fromkeys(one.key for one in group))
        waited_s = self._clock.monotonic() - group[0].since
        try:
            rows = await self._read(f"{name} of many", {"keys": keys}, waited_s)
        except Exception as exc:  # noqa: BLE001 - it is raised to the callers
            for one in group:
                if not one.future.done():
                    one.future.set_exception(exc)
            return
        found: dict[Key, Rows] = {key: [] for key in keys}
        for number, _, *row in rows:
            found[keys[number - 1]].append(tuple(row))
        for one in group:
            if not one.future.done():  # its caller was cancelled meanwhile
                one.future.set_result(found[one.key])
