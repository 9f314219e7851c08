"""Reads the tables of a store as rows in key order, alike from SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, TypeAlias

import apsw
import msgspec
from msgspec import Struct

Connection: TypeAlias = Any  # asyncpg's, which has no types
Row = tuple[Any, ...]

_PREFETCH = 2_000


class Table(Struct, frozen=True, kw_only=True):
    """A table that is moved, in the order of its key."""

    name: str
    key: tuple[str, ...]
    sequence: str | None = None  # numbers its new rows in PostgreSQL
    derived: tuple[str, ...] = ()  # columns that only PostgreSQL has
    sources: tuple[str, ...] = ()  # their expressions in SQLite


TABLES = (
    Table(name="workspaces", key=("workspace_id",)),
    Table(name="tokens", key=("token_id",)),
    Table(name="ended_sessions", key=("session_id",)),
    Table(name="secrets", key=("key_id",)),
    Table(name="endpoints", key=("endpoint_id",)),
    Table(name="destinations", key=("destination_id",), sequence="destinations_id"),
    Table(name="events", key=("seq",), sequence="events_seq"),
    Table(name="jobs", key=("seq",), sequence="jobs_seq"),
    Table(
        name="deliveries",
        key=("seq",),
        sequence="deliveries_seq",
        derived=("event_id",),
        sources=("(select event_id from events where events.seq = t.event_seq)",),
    ),
    Table(
        name="attempts",
        key=("seq",),
        sequence="attempts_seq",
        derived=("seq",),
        sources=("t.rowid",),
    ),
    Table(name="idempotency", key=("workspace_id", "key")),
    Table(name="assets", key=("asset_id",)),
    Table(name="styles", key=("style_id",)),
    Table(name="style_likes", key=("style_id", "member_id")),
    Table(name="node_apps", key=("version_id",)),
    Table(name="bulk_operations", key=("bulk_operation_id",)),
    Table(name="usage", key=("workspace_id", "day", "token_id", "kind", "model")),
    Table(name="budgets", key=("workspace_id", "token_id")),
    Table(name="retention", key=("what",)),
    Table(name="drained_roles", key=("role",)),
)
"""Every table, parents before children, except two: leaders belong to running processes, and each
store builds its own index of prompts."""


class Digest:
    """The number of rows, and a hash of all of them in order."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, rows: Iterable[Row]) -> None:
        """Add more rows."""
        for row in rows:
            self.count += 1
            self._hash.update(msgspec.json.encode(_plain(row)) + b"\n")

    @property
    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()


def rows_in_sqlite(
    connection: apsw.Connection, table: Table, columns: list[str], *, after: Row | None, limit: int
) -> list[Row]:
    """Return the next rows of a table after a key."""
    source = dict(zip(table.derived, table.sources, strict=True))
    shown = ", ".join(source.get(name, f"t.{name}") for name in columns)
    key = ", ".join(source.get(name, f"t.{name}") for name in table.key)
    marks = ", ".join("?" * len(table.key))
    where = "" if after is None else f"where ({key}) > ({marks})"
    # Every name here is one of our own tables and columns.
    statement = f"select {shown} from {table.name} t {where} order by {key} limit ?"  # noqa: S608
    rows: list[Row] = connection.execute(statement, (*(after or ()), limit)).fetchall()
    return rows


def all_in_sqlite(
    connection: apsw.Connection, table: Table, columns: list[str]
) -> Iterator[list[Row]]:
    """Yield every row of a table, in batches."""
    after: Row | None = None
    while rows := rows_in_sqlite(connection, table, columns, after=after, limit=_PREFETCH):
        yield rows
        after = key_of(table, columns, rows[-1])


async def all_in_postgres(
    connection: Connection, table: Table, columns: list[str], texts: set[str]
) -> AsyncIterator[Row]:
    """Yield every row of a table in the same order."""
    key = ", ".join(f'{name} collate "C"' if name in texts else name for name in table.key)
    statement = f"select {', '.join(columns)} from {table.name} order by {key}"  # noqa: S608
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for record in connection.cursor(statement, prefetch=_PREFETCH):
            yield tuple(record)


async def columns_of(connection: Connection, table: Table) -> tuple[list[str], dict[str, str]]:
    """Return a table's columns in PostgreSQL, and the type of each."""
    records = await connection.fetch(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = current_schema() and table_name = $1 order by ordinal_position",
        table.name,
    )
    types = {record["column_name"]: record["data_type"] for record in records}
    return list(types), types


def key_of(table: Table, columns: list[str], row: Row) -> Row:
    """Return the key of a row."""
    return tuple(row[columns.index(name)] for name in table.key)


def _plain(row: Row) -> list[Any]:
    # The two stores differ in their values for true, 1.0 and bytes.
    return [
        value.hex()
        if isinstance(value, bytes)
        else float(value)
        if isinstance(value, bool | int | float)
        else value
        for value in row
    ]
