"""Pruning in PostgreSQL: rows of the rest one by one, and what has a partition by the week."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

import asyncpg

from ringback.clock import Clock
from ringback.errors import StorageUnavailable
from ringback.retention import Kept, Pruned
from ringback.storage.postgres.connecting import Connection, Server, close
from ringback.storage.postgres.partitions import make_partitions
from ringback.storage.postgres.retiring import Retiree, next_retiree, retire
from ringback.storage.sql.pruning import SqlPruning
from ringback.storage.sql.rows import urls_of

_ANOTHER_WAS_THERE = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UndefinedTableError,  # another process has dropped it
)
_LOOK_AGAIN_S = 60.0
_MAKE_AGAIN_S = 3_600.0


class PostgresPruning(SqlPruning):
    """``Pruning``, whose steps now and then drop a partition or make some ahead."""

    _server: Server
    _clock: Clock

    @cached_property
    def _tending(self) -> Tending:
        return Tending(self._server, self._clock)

    async def prune(self, what: Kept, *, before_ms: int, limit: int) -> Pruned:
        """Look at the next rows and delete what is past its time, or drop the next partition."""
        step = await super().prune(what, before_ms=before_ms, limit=limit)
        if step.more:
            return step
        dropped = await self._tending.step(what, before_ms=before_ms)
        return step if dropped is None else Pruned(count=step.count + dropped, more=True)

    async def urls_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return where the results are of the jobs that the next steps would delete."""
        urls = await super().urls_past(before_ms=before_ms, limit=limit)
        return urls or await self._tending.urls_past(before_ms=before_ms, limit=limit)


class Tending:
    """Looks after the partitions, a step at a time."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._alone = asyncio.Lock()
        self._quiet_until: dict[Kept, float] = {}
        self._made_at: float | None = None
        # How far the files of a partition's jobs were gone through; they go before the rows.
        self._walk: Retiree | None = None
        self._walked_to = ""
        self._walked_all = False

    async def step(self, what: Kept, *, before_ms: int) -> int | None:
        """Drop the next partition that is past its time; None when there is none to drop now."""
        async with self._alone:
            if what is Kept.JOBS:
                await self._make_ahead()
            if self._is_quiet(what):
                return None
            async with self._connected() as connection:
                retiree = await self._next(connection, what, before_ms=before_ms)
                if retiree is None:
                    self._quiet_until[what] = self._clock.monotonic() + _LOOK_AGAIN_S
                    return None
                return await self._retire(connection, retiree)

    async def _retire(self, connection: Connection, retiree: Retiree) -> int | None:
        if retiree.what is Kept.JOBS:
            if self._walk is None or self._walk.week != retiree.week:
                return None  # its files were not asked for
            if not self._walked_all:
                return 0
            # As it was walked: what has ended since keeps its row, and its files, for now.
            retiree, self._walk = self._walk, None
        try:
            return await retire(connection, retiree)
        except _ANOTHER_WAS_THERE:
            return None

    async def urls_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return the next results in the partition of jobs that is to be dropped."""
        async with self._alone:
            if self._is_quiet(Kept.JOBS):
                return ()
            async with self._connected() as connection:
                if self._walk is None:
                    self._walk = await self._next(connection, Kept.JOBS, before_ms=before_ms)
                    self._walked_to, self._walked_all = "", False
                if self._walk is None or self._walked_all:
                    return ()
                return await self._walk_on(connection, self._walk, limit)

    async def _walk_on(self, connection: Connection, walk: Retiree, limit: int) -> tuple[str, ...]:
        async with connection.transaction(readonly=True):
            rows = await connection.fetch(
                # What runs name, their steps made, or is an asset, which is kept for itself.
                f"select job_id, case when {walk.over} and p.kind <> 'app' then result end "  # noqa: S608
                f"from {walk.name} p where job_id > $1 order by job_id limit $2",
                self._walked_to,
                limit,
            )
        self._walked_all = len(rows) < limit
        if rows:
            self._walked_to = rows[-1][0]
        return tuple(url for _, result in rows for url in urls_of(result))

    async def _next(self, connection: Connection, what: Kept, *, before_ms: int) -> Retiree | None:
        # Behind a pooler what does not share a transaction does not share a process.
        async with connection.transaction(readonly=True):
            return await next_retiree(connection, what, before_ms=before_ms)

    async def _make_ahead(self) -> None:
        now = self._clock.monotonic()
        if self._made_at is None or now - self._made_at > _MAKE_AGAIN_S:
            async with self._connected() as connection:
                await make_partitions(connection, now_ms=self._clock.now_ms())
            self._made_at = now

    def _is_quiet(self, what: Kept) -> bool:
        return self._clock.monotonic() < self._quiet_until.get(what, 0.0)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        try:
            connection = await self._server.connect()
        except (OSError, asyncpg.PostgresError) as exc:
            raise StorageUnavailable("The database cannot be reached; try again soon.") from exc
        try:
            yield connection
        finally:
            await close(connection)
