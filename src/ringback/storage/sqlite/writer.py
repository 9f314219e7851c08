"""The group-commit driver of SQLite.

Statements run in the event loop: each takes microseconds, and a thread would wait for the
interpreter's lock after every one of them. Only the commit, which waits for the disk, has a
thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import apsw

from ringback.errors import StorageFull, StorageUnavailable
from ringback.storage.sqlite.commits import Commits
from ringback.storage.sqlite.runner import run
from ringback.storage.transactions.group_commit import Call, Results, by_function

_BUSY_AGAIN_S = 0.005


class SqliteWriter:
    """Runs transactions on one connection; their commits are synced to disk."""

    def __init__(
        self,
        connection: apsw.Connection,
        commits: Commits,
        *,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._connection = connection
        # Another process may be writing; the event loop does not wait for it, but tries again.
        self._connection.set_busy_timeout(0)
        self._commits = commits
        self._sleep = sleep

    async def commit(
        self, group: Sequence[Call], _has_waiting: Callable[[], bool]
    ) -> list[Results]:
        """Run the functions of a group in one transaction; return when it is on disk."""
        while not self._begun():
            await self._sleep(_BUSY_AGAIN_S)
        try:
            results = self._write(group)
            await self._commits.commit()
        except Exception:
            self._roll_back()
            raise
        return results

    def refusal(self, exc: Exception) -> Exception:
        """Return the storage error for a full disk or a closed database, else the same error."""
        if isinstance(exc, apsw.ConnectionClosedError):  # work that outlived the grace time
            return StorageUnavailable("The database is closed, because the server stops.")
        if isinstance(exc, apsw.FullError) or (
            isinstance(exc, apsw.IOError)
            and getattr(exc, "extendedresult", None) == apsw.SQLITE_IOERR_WRITE
        ):
            return StorageFull("The disk is full: free some space on the data directory's disk.")
        return exc

    async def close(self) -> None:
        """Let the commits end; the connection is the store's."""
        await self._commits.stop()

    def _begun(self) -> bool:
        try:
            self._connection.execute("begin immediate")
        except apsw.BusyError:
            return False
        return True

    def _write(self, group: Sequence[Call]) -> list[Results]:
        return [
            Results(function, calls, run(self._connection, function(items)))
            for function, calls, items in by_function(group)
        ]

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(apsw.Error):  # the same fault may break this too
                self._connection.execute("rollback")
