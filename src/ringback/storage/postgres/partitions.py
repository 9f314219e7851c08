"""Partitions of the tables that grow: a week each, made ahead of their time."""

from __future__ import annotations

from ringback.ids import uuid7_floor
from ringback.storage.postgres.connections import Connection

TABLES = {
    "jobs": "job_id",
    "prompts": "job_id",
    "events": "event_id",
    "deliveries": "delivery_id",
    "attempts": "delivery_id",
}
"""The partitioned tables, and the id by whose time each is partitioned."""

WEEK_MS = 7 * 86_400_000
_AHEAD = 4  # a server that nobody looks after for a month still writes where it should
_LOCK = 7_464_002

# Rows change three times and are then left alone: space for the changes, and early vacuums.
_STORED = (
    "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, "
    "autovacuum_analyze_scale_factor = 0.05"
)


def partition_of(table: str, week: int) -> str:
    """Return the name of a table's partition for a week, counted from 1970."""
    return f"{table}_w{week}"


async def make_partitions(connection: Connection, *, now_ms: int) -> None:
    """Make the partitions of this week and the next ones, where they are missing."""
    this_week = now_ms // WEEK_MS
    for week in range(this_week, this_week + 1 + _AHEAD):
        async with connection.transaction():
            missing = [one for one in TABLES if not await is_there(connection, one, week)]
            if not missing:
                continue
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            for table in missing:
                # Looked up again under the lock: another process may have been faster.
                if not await is_there(connection, table, week):
                    await _make(connection, table, week)


async def weeks_of(connection: Connection, table: str) -> list[int]:
    """Return the weeks for which a table has a partition, oldest first."""
    names = await connection.fetch(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where i.inhparent = to_regclass($1)",
        table,
    )
    weeks = [name.removeprefix(f"{table}_w") for (name,) in names]
    return sorted(int(week) for week in weeks if week.isdecimal())


async def is_there(connection: Connection, table: str, week: int) -> bool:
    """Say whether a table has a partition for that week."""
    return week in await weeks_of(connection, table)


async def _make(connection: Connection, table: str, week: int) -> None:
    name, key = partition_of(table, week), TABLES[table]
    first, end = uuid7_floor(week * WEEK_MS), uuid7_floor((week + 1) * WEEK_MS)
    # Names of our own and times: nothing here is a stranger's.
    await connection.execute(
        f"""
        create table {name} (like {table} including all) with ({_STORED});
        with strays as (delete from {table}_rest where {key} >= '{first}' and {key} < '{end}'
                        returning *)
        insert into {name} select * from strays;
        alter table {table} attach partition {name} for values from ('{first}') to ('{end}');
        """  # noqa: S608
    )
