"""SQL of a test's own, for what no store's method shows or does."""

from __future__ import annotations

from typing import Any

from ringback.storage.contract import Store
from ringback.storage.sqlite import SqliteStore

Rows = list[tuple[Any, ...]]


async def raw(store: Store, statement: str) -> Rows:
    """Run a statement on the store's database; returns its rows."""
    assert isinstance(store, SqliteStore)
    rows: Rows = store._connection.execute(statement).fetchall()
    return rows
