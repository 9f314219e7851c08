"""Runs a test's own SQL, where the stores have no method for it."""

from __future__ import annotations

from typing import Any

from ringback.storage.contract import Store
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.connections import close
from ringback.storage.sqlite import SqliteStore

Rows = list[tuple[Any, ...]]


async def raw(store: Store, statement: str) -> Rows:
    """Run a statement on the store's database; returns its rows."""
    if isinstance(store, PostgresStore):
        connection = await store._server.connect()
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await close(connection)
    assert isinstance(store, SqliteStore)
    rows: Rows = store._connection.execute(statement).fetchall()
    return rows
