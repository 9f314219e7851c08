"""The store on SQLite: every write through the writer, every read beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, Self

from ringback.clock import Clock, SystemClock
from ringback.ids import Ids
from ringback.storage.contract import Counts
from ringback.storage.sql.apps import SqlApps
from ringback.storage.sql.assets import SqlAssets
from ringback.storage.sql.books import SqlBooks
from ringback.storage.sql.chores import SqlChores
from ringback.storage.sql.control import SqlControl
from ringback.storage.sql.deliveries import SqlOutbox
from ringback.storage.sql.endpoints import SqlEndpoints
from ringback.storage.sql.jobs import SqlJobs
from ringback.storage.sql.log import SqlLog
from ringback.storage.sql.owing import Mint
from ringback.storage.sql.prompts import SqlPrompts
from ringback.storage.sql.pruning import SqlPruning
from ringback.storage.sql.styles import SqlStyles
from ringback.storage.sql.usage import SqlUsage
from ringback.storage.sql.work import Result, Rows, Verb, Work
from ringback.storage.sql.workspaces import SqlWorkspaces
from ringback.storage.sqlite.commits import CommitThread, MakeCommits
from ringback.storage.sqlite.files import (
    DATABASE,
    DirectoryLock,
    check_library,
    connect,
    make_directory,
    migrate,
    migrate_unserved,
)
from ringback.storage.sqlite.running import execute, run
from ringback.storage.sqlite.writer import Writer


class SqliteStore(
    SqlJobs,
    SqlPrompts,
    SqlOutbox,
    SqlLog,
    SqlEndpoints,
    SqlWorkspaces,
    SqlApps,
    SqlAssets,
    SqlStyles,
    SqlChores,
    SqlBooks,
    SqlPruning,
    SqlControl,
    SqlUsage,
):
    """A ``Store`` in one data directory, for one server process and its command line."""

    def __init__(
        self, directory: Path, lock: DirectoryLock | None, mint: Mint, make_commits: MakeCommits
    ) -> None:
        path = self._path = directory / DATABASE
        self._lock = lock
        self._clock = SystemClock()
        self._mint = mint
        self._connection = connect(path)
        if lock is None:
            migrate_unserved(self._connection, directory)
        else:
            migrate(self._connection)
        loop = asyncio.get_running_loop()
        self._writer = Writer(self._connection, loop, make_commits(self._connection, loop))
        self._reader = connect(path, read_only=True)
        self._scanner = connect(path, read_only=True)
        self._scans = ThreadPoolExecutor(1, thread_name_prefix="ringback-scans")

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        exclusive: bool = True,
        mint: Mint | None = None,
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
            return cls(directory, lock, mint or _system_mint(), make_commits)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    @property
    def is_shared(self) -> bool:
        """No other server is let in."""
        return False

    def pass_on(self, job_id: str) -> None:
        """There is no other process to tell."""

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

    async def close(self) -> None:
        """Finish what was accepted, then let go of the files."""
        await self._writer.stop()
        self._scans.shutdown()
        for connection in (self._scanner, self._reader, self._connection):
            connection.close()
        if self._lock is not None:
            self._lock.release()

    async def _read(self, name: str, **bindings: Any) -> Rows:
        # In place: handing it to a thread would take longer than the look-up.
        return execute(self._reader, name, bindings)

    async def _look(self, work: Callable[[], Work[Result]]) -> Result:
        def at_one_moment() -> Result:
            self._scanner.execute("begin")
            try:
                return run(self._scanner, work())
            finally:
                self._scanner.execute("rollback")

        return await asyncio.get_running_loop().run_in_executor(self._scans, at_one_moment)

    async def _call(self, verb: Verb, item: Any) -> Any:
        return await self._writer.call(verb, item)

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

    async def counts(self) -> Counts:
        """Return how many jobs and deliveries there are, by status."""
        return Counts(
            jobs=dict(await self._scan("jobs.count_jobs")),
            deliveries=dict(await self._scan("deliveries.count_deliveries")),
        )


def _system_mint() -> Mint:
    # Ids are names, not secrets: a fast generator will do.
    return Mint(new_id=Ids(SystemClock().now_ms, Random().getrandbits).uuid7)
