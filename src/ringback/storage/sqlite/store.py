"""The store on SQLite: every write through the writer, every read beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from random import Random
from typing import Any, Self

from ringback.clock import Clock, SystemClock
from ringback.ids import Ids
from ringback.storage.sqlite.commits import CommitThread, MakeCommits
from ringback.storage.sqlite.database_files import (
    DATABASE,
    DirectoryLock,
    check_library,
    connect,
    make_directory,
    migrate,
    migrate_unserved,
)
from ringback.storage.sqlite.runner import execute, run
from ringback.storage.sqlite.writer import SqliteWriter
from ringback.storage.stores.sql_store import SqlStore
from ringback.storage.transactions.group_commit import GroupCommit
from ringback.storage.transactions.outbox_writes import IdFactory
from ringback.storage.transactions.work import Result, Rows, TransactionFunction, TransactionScript


class SqliteStore(SqlStore):
    """A ``Store`` in one data directory, for one server process and its command line."""

    def __init__(
        self,
        directory: Path,
        lock: DirectoryLock | None,
        id_factory: IdFactory,
        make_commits: MakeCommits,
    ) -> None:
        path = self._path = directory / DATABASE
        self._lock = lock
        self._clock = SystemClock()
        self._id_factory = id_factory
        self._connection = connect(path)
        if lock is None:
            migrate_unserved(self._connection, directory)
        else:
            migrate(self._connection)
        loop = asyncio.get_running_loop()
        self._commits = make_commits(self._connection, loop)
        driver = SqliteWriter(self._connection, self._commits, sleep=self._clock.sleep)
        self._writer = GroupCommit(driver, monotonic=self._clock.monotonic)
        self._reader = connect(path, read_only=True)
        self._scanner = connect(path, read_only=True)
        self._scans = ThreadPoolExecutor(1, thread_name_prefix="ringback-scans")

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        exclusive: bool = True,
        id_factory: IdFactory | None = None,
        make_commits: MakeCommits = CommitThread,
    ) -> Self:
        """Open the store of a directory, or raise ``SetupError``.

        A server opens it exclusively: a second server is refused. The command line does not, and
        may look and write beside a running server.
        """
        check_library()
        make_directory(directory)
        lock = DirectoryLock(directory) if exclusive else None
        try:
            return cls(directory, lock, id_factory or _system_ids(), make_commits)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    @property
    def is_shared(self) -> bool:
        """No other server is let in."""
        return False

    def pass_on(self, job_id: str) -> None:
        """No other process has to be woken."""

    @property
    def clock(self) -> Clock:
        """The machine's time."""
        return self._clock

    @property
    def commits_count(self) -> int:
        """How many synced transactions there have been since opening."""
        return self._writer.commits_count

    def limit_size(self, pages_max: int) -> None:
        """Let the database file grow to so many pages and no further."""
        self._connection.pragma("max_page_count", pages_max)

    @property
    def is_away(self) -> bool:
        """Say whether the database's file was removed; rows that are written then are lost."""
        return not os.path.exists(self._path)

    async def close(self, *, within_s: float = inf) -> None:
        """Finish the accepted writes, then let go of the files; a disk needs no limit for that."""
        await self._writer.close()
        self._scans.shutdown()
        for connection in (self._scanner, self._reader, self._connection):
            connection.close()
        if self._lock is not None:
            self._lock.release()

    async def _read(self, name: str, **bindings: Any) -> Rows:
        # In place: handing it to a thread would take longer than the look-up.
        return execute(self._reader, name, bindings)

    async def _snapshot(
        self, work: Callable[[], TransactionScript[Result]], *, is_long: bool = False
    ) -> Result:
        def at_one_moment() -> Result:
            self._scanner.execute("begin")
            try:
                return run(self._scanner, work())
            finally:
                self._scanner.execute("rollback")

        return await asyncio.get_running_loop().run_in_executor(self._scans, at_one_moment)

    async def _call(self, function: TransactionFunction, item: Any) -> Any:
        return await self._writer.call(function, item)

    async def maintain(self) -> None:
        """Bring the planner's statistics up to date, and the log's pages into the database."""

        def tidy() -> None:
            # A connection of its own: neither writers nor readers wait for it.
            connection = connect(self._path)
            try:
                connection.execute("pragma optimize")
                connection.execute("pragma wal_checkpoint(passive)")
            finally:
                connection.close()

        await asyncio.to_thread(tidy)


def _system_ids() -> IdFactory:
    # Ids are names, not secrets: a fast generator will do.
    return IdFactory(new_id=Ids(SystemClock().now_ms, Random().getrandbits).uuid7)
