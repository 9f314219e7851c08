"""The store on SQLite: every write through the writer, every read beside it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Self

from ringback.clock import SystemClock
from ringback.ids import Ids
from ringback.storage.contract import Counts
from ringback.storage.sqlite.assets import SqliteAssets
from ringback.storage.sqlite.books import SqliteBooks
from ringback.storage.sqlite.chores import SqliteChores
from ringback.storage.sqlite.commits import CommitThread, MakeCommits
from ringback.storage.sqlite.deliveries import SqliteOutbox
from ringback.storage.sqlite.endpoints import SqliteEndpoints
from ringback.storage.sqlite.files import (
    DATABASE,
    DirectoryLock,
    check_library,
    connect,
    make_directory,
    migrate,
    migrate_unserved,
)
from ringback.storage.sqlite.jobs import SqliteJobs
from ringback.storage.sqlite.log import SqliteLog
from ringback.storage.sqlite.owing import Mint
from ringback.storage.sqlite.pruning import SqlitePruning
from ringback.storage.sqlite.statements import DELIVERIES, JOBS
from ringback.storage.sqlite.workspaces import SqliteWorkspaces
from ringback.storage.sqlite.writer import Writer


class SqliteStore(
    SqliteJobs,
    SqliteOutbox,
    SqliteLog,
    SqliteEndpoints,
    SqliteWorkspaces,
    SqliteAssets,
    SqliteChores,
    SqliteBooks,
    SqlitePruning,
):
    """A ``Store`` in one data directory, for one server process and its command line."""

    def __init__(
        self, directory: Path, lock: DirectoryLock | None, mint: Mint, make_commits: MakeCommits
    ) -> None:
        path = directory / DATABASE
        self._lock = lock
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

    async def counts(self) -> Counts:
        """Return how many jobs and deliveries there are, by status."""
        return Counts(
            jobs=dict(await self._scan(JOBS.count_jobs)),
            deliveries=dict(await self._scan(DELIVERIES.count_deliveries)),
        )


def _system_mint() -> Mint:
    # Ids are names, not secrets: a fast generator will do.
    return Mint(new_id=Ids(SystemClock().now_ms, Random().getrandbits).uuid7)
