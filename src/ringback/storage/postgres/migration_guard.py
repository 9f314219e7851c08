"""Keeps servers and a data migration off each other's database.

Opening a store leaves a row in ``leaders`` for a while, and servers then keep one there. A data
migration looks for such a row and creates the table ``moves``, under one lock; the table stays
until the migration has ended, also when that is broken off.
"""

from __future__ import annotations

from ringback.errors import SetupError
from ringback.storage.postgres.connections import Connection
from ringback.storage.postgres.migrations_runner import LOCK

_OPENED_S = 10  # by then a server leads, or knows the leader
_OPEN = """
insert into leaders (what, holder, until_ms)
values ('opened', 'whoever opened it',
        (extract(epoch from clock_timestamp()) * 1000)::bigint + $1::bigint)
    on conflict (what) do update set until_ms = greatest(leaders.until_ms, excluded.until_ms)
"""
_AT_WORK = """
select exists (select 1 from leaders
                where until_ms > (extract(epoch from clock_timestamp()) * 1000)::bigint)
"""
_MOVES = (
    "create table if not exists moves "
    "(what text primary key, last_key text not null, count bigint not null)"
)


async def open_for_work(connection: Connection) -> None:
    """Note that the database is in use; ``SetupError`` while a move is under way."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        if await is_being_moved_into(connection):
            raise SetupError(
                "Data are being moved into this database, or such a move was broken off: let "
                "ringback migrate come to its end, then start."
            )
        await connection.execute(_OPEN, _OPENED_S * 1000)


async def open_for_a_move(connection: Connection) -> None:
    """Keep servers off from now on until ``end_of_move``; ``SetupError`` if one is at work."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        await check_nobody_works(connection)
        await connection.execute(_MOVES)


async def end_of_move(connection: Connection) -> None:
    """Let servers in."""
    await connection.execute("drop table moves")


async def check_nobody_works(connection: Connection) -> None:
    """Raise ``SetupError`` when a server or a command works on the database, or did just now."""
    async with connection.transaction():
        if not await _is_there(connection, "leaders"):
            return
        if await connection.fetchval(_AT_WORK):
            raise SetupError(
                "A server or a command of Ringback works on that database, or did so within the "
                f"last {_OPENED_S} seconds: stop it, wait as long, and begin the move again."
            )


async def is_being_moved_into(connection: Connection) -> bool:
    """Say whether a move into the database has begun and not ended."""
    return await _is_there(connection, "moves")


async def _is_there(connection: Connection, table: str) -> bool:
    # Not by to_regclass, which may answer from before the lock was had.
    return bool(
        await connection.fetchval(
            "select exists (select 1 from pg_class where relname = $1 "
            "and relnamespace = current_schema()::regnamespace)",
            table,
        )
    )
