"""Look-ups that share round trips, as writes share commits.

While one statement of a name is under way, whoever asks by that name waits; the next takes all of
their keys. Each begins after it was asked for, so everybody reads what they have written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ringback.storage.postgres.statements import GROUPED
from ringback.storage.sql.work import Rows

Key = tuple[Any, ...]
Read = Callable[[str, Mapping[str, Any]], Awaitable[Rows]]
"""Returns the rows of a named statement."""

_KEYS_MAX = 512


class LookUps:
    """Rows by key, those of many keys in one statement."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._waiting: dict[str, list[tuple[Key, asyncio.Future[Rows]]]] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    async def rows(self, name: str, bound: Mapping[str, Any]) -> Rows:
        """Return the rows of one of the ``GROUPED`` statements."""
        future: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        key = tuple(bound[column] for column in GROUPED[name])
        self._waiting.setdefault(name, []).append((key, future))
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

    async def _answer(self, name: str, group: list[tuple[Key, asyncio.Future[Rows]]]) -> None:
        keys = list(dict.fromkeys(key for key, _ in group))
        try:
            rows = await self._read(f"{name} of many", {"keys": keys})
        except Exception as exc:  # noqa: BLE001 - whatever broke is each caller's own answer
            for _, future in group:
                if not future.done():
                    future.set_exception(exc)
            return
        found: dict[Key, Rows] = {key: [] for key in keys}
        for place, _, *row in rows:
            found[keys[place - 1]].append(tuple(row))
        for key, future in group:
            if not future.done():  # its caller was cancelled meanwhile
                future.set_result(found[key])
