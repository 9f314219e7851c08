"""Pruning in PostgreSQL: whole partitions by the week, and other rows one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

import asyncpg

from ringback.clock import Clock
from ringback.storage.mapping.rows import files_of
from ringback.storage.postgres.connections import Connection, Server, close
from ringback.storage.postgres.errors import Failure, meaning_of, unavailable
from ringback.storage.postgres.partition_drop import (
    DetachedPartition,
    drop_partition,
    next_partition,
)
from ringback.storage.postgres.partitions import make_partitions
from ringback.storage.retention import Kept, Pruned
from ringback.storage.stores.pruning import SqlPruning

_ANOTHER_WAS_THERE = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UndefinedTableError,  # another process has dropped it
)
_LOOK_AGAIN_S = 60.0
_MAKE_AGAIN_S = 3_600.0


class PostgresPruning(SqlPruning):
    """``Pruning`` that also drops partitions, and makes new ones ahead."""

    _server: Server
    _clock: Clock

    @cached_property
    def _partitions(self) -> PartitionPruning:
        return PartitionPruning(self._server, self._clock)

    async def prune(self, kept: Kept, *, before_ms: int, limit: int) -> Pruned:
        """Delete the next rows that are past their retention, or drop the next partition."""
        step = await super().prune(kept, before_ms=before_ms, limit=limit)
        if step.more:
            return step
        dropped = await self._partitions.step(kept, before_ms=before_ms)
        return step if dropped is None else Pruned(count=step.count + dropped, more=True)

    async def files_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return the names of the files of the jobs that the next steps would delete."""
        names = await super().files_past(before_ms=before_ms, limit=limit)
        return names or await self._partitions.files_past(before_ms=before_ms, limit=limit)


class PartitionPruning:
    """Looks after the partitions, a step at a time."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._alone = asyncio.Lock()
        self._quiet_until: dict[Kept, float] = {}
        self._made_at: float | None = None
        # How far the files of a partition's jobs were gone through; they go before the rows.
        self._walk: DetachedPartition | None = None
        self._walked_to = ""
        self._walked_all = False

    async def step(self, kept: Kept, *, before_ms: int) -> int | None:
        """Drop the next partition that is past its time; None when there is none to drop now."""
        async with self._alone:
            if kept is Kept.JOBS:
                await self._make_ahead()
            if self._is_quiet(kept):
                return None
            async with self._connected() as connection:
                partition = await self._next(connection, kept, before_ms=before_ms)
                if partition is None:
                    self._quiet_until[kept] = self._clock.monotonic() + _LOOK_AGAIN_S
                    return None
                return await self._drop(connection, partition)

    async def _drop(self, connection: Connection, partition: DetachedPartition) -> int | None:
        if partition.kept is Kept.JOBS:
            if self._walk is None or self._walk.week != partition.week:
                return None  # its files were not deleted yet
            if not self._walked_all:
                return 0
            # As it was walked: a job that has ended since keeps its row, and its files, for now.
            partition, self._walk = self._walk, None
        try:
            return await drop_partition(connection, partition)
        except _ANOTHER_WAS_THERE:
            return None

    async def files_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return the next files of the partition of jobs that is to be dropped."""
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

    async def _walk_on(
        self, connection: Connection, walk: DetachedPartition, limit: int
    ) -> tuple[str, ...]:
        async with connection.transaction(readonly=True):
            rows = await connection.fetch(
                # Files in a run's result are its steps', or assets with their own retention.
                f"select job_id, {walk.over}, case when p.kind <> 'app' then result end, "  # noqa: S608
                f"base_url, input_files from {walk.name} p "
                "where job_id > $1 order by job_id limit $2",
                self._walked_to,
                limit,
            )
        self._walked_all = len(rows) < limit
        if rows:
            self._walked_to = rows[-1][0]
        return tuple(
            name for _, is_over, *columns in rows if is_over for name in files_of(*columns)
        )

    async def _next(
        self, connection: Connection, kept: Kept, *, before_ms: int
    ) -> DetachedPartition | None:
        # Behind a pooler statements share a process only within a transaction.
        async with connection.transaction(readonly=True):
            return await next_partition(connection, kept, before_ms=before_ms)

    async def _make_ahead(self) -> None:
        now = self._clock.monotonic()
        if self._made_at is None or now - self._made_at > _MAKE_AGAIN_S:
            async with self._connected() as connection:
                await make_partitions(connection, now_ms=self._clock.now_ms())
            self._made_at = now

    def _is_quiet(self, kept: Kept) -> bool:
        return self._clock.monotonic() < self._quiet_until.get(kept, 0.0)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        """Yield a connection; its loss is raised as ``StorageUnavailable``."""
        connection: Connection | None = None
        try:
            connection = await self._server.connect()
            yield connection
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
            is_closed = connection is None or connection.is_closed()
            if meaning_of(exc, is_closed=is_closed) is Failure.LOST:
                raise unavailable() from exc
            raise
        finally:
            if connection is not None:
                await close(connection)
