"""The simulated machine's disk: a database that survives crashes, commits that take their time."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random

import apsw

from ringback.storage.contract import Workspace
from ringback.storage.sqlite.commits import resolve
from ringback.storage.sqlite.database_files import DATABASE, connect, migrate
from ringback.storage.sqlite.runner import run
from ringback.storage.transactions import workspaces
from tests.builders import a_key
from tests.sim.audit import sqlite_audit

WORKSPACES = ("studio", "rival")
SECRET = "whsec_AAAA"

_MEMORY = Path("/dev/shm")


class Disk:
    """How commits fare at the moment, the same for every process of the machine."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.slow_s = 0.0
        self.is_full = False

    def takes_s(self) -> float:
        """Return how long the next step of a commit takes."""
        return self._rng.uniform(0.0002, 0.003) + self._rng.random() * self.slow_s


class SimCommits:
    """``Commits`` in virtual time: a while until the commit, and another until it is known."""

    def __init__(
        self,
        connection: apsw.Connection,
        loop: asyncio.AbstractEventLoop,
        *,
        disk: Disk,
        committed: Callable[[apsw.Connection], None],
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._disk = disk
        self._committed = committed
        self._under_way: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def commit(self) -> asyncio.Future[None]:
        """Commit the open transaction in a while, then resolve the future."""
        self._under_way = future = self._loop.create_future()
        self._timer = self._loop.call_later(self._disk.takes_s(), self.finish)
        return future

    def finish(self) -> None:
        """Commit now what is under way; its future is resolved later."""
        future, self._under_way = self._under_way, None
        if future is None:
            return
        assert self._timer is not None
        self._timer.cancel()
        failure: Exception | None = None
        if self._disk.is_full:
            failure = apsw.FullError("database or disk is full")
            self._connection.execute("rollback")  # as SQLite does by itself
        else:
            self._connection.execute("commit")
            self._committed(self._connection)
        self._loop.call_later(self._disk.takes_s(), resolve, future, failure)

    async def stop(self) -> None:
        """Nothing is held."""


@contextmanager
def fresh_directory() -> Iterator[Path]:
    """Return a data directory with the workspaces in it, for the time of the context."""
    template = _template()
    where = Path(tempfile.mkdtemp(prefix="ringback-sim-", dir=_in_memory()))
    (where / DATABASE).write_bytes(template)
    before = apsw.vfs_names()[0]
    # All connections are of this one process, so their locks need no system calls.
    apsw.set_default_vfs("unix-excl")
    try:
        yield where
    finally:
        apsw.set_default_vfs(before)
        shutil.rmtree(where)


def _in_memory() -> Path | None:
    return _MEMORY if _MEMORY.is_dir() else None


@cache
def _template() -> bytes:
    """Return the bytes of a migrated database whose changes are audited."""
    with tempfile.TemporaryDirectory(dir=_in_memory()) as where:
        path = Path(where) / DATABASE
        connection = connect(path)
        migrate(connection)
        made = [
            (Workspace(workspace_id=name, created_at_ms=1), a_key(SECRET)) for name in WORKSPACES
        ]
        run(connection, workspaces.open_workspaces(made))
        connection.execute(sqlite_audit())
        connection.close()
        return path.read_bytes()
