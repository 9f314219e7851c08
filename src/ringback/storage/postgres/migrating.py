"""Bringing the schema up to date, one process at a time, while others may be running."""

from __future__ import annotations

from ringback.errors import SetupError
from ringback.storage.postgres.connecting import Connection
from ringback.storage.postgres.statements import migrations

_LOCK = 7_464_001
"""The advisory lock that whoever changes the schema holds, for the time of its transaction."""


async def migrate(connection: Connection) -> None:
    """Take every step that is missing, each in a transaction of its own; or ``SetupError``.

    A server of the release before goes on with the new schema: a step only adds what it can do
    without, and what a release no longer needs is taken away one release later.
    """
    steps = migrations()
    version = await _version(connection)
    if version > steps[-1][0]:
        raise SetupError(
            f"The data were written by a later Ringback (schema {version}, this one knows "
            f"{steps[-1][0]}); run that version or name another database."
        )
    for number, script in steps:
        if number > version:
            await _take(connection, number, script)


async def _take(connection: Connection, number: int, script: str) -> None:
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        # Looked up again under the lock: another process may have been faster.
        if await _version(connection) < number:
            await connection.execute(script)
            await connection.execute(
                "create table if not exists schema_version (version integer not null)"
            )
            await connection.execute("delete from schema_version")
            await connection.execute("insert into schema_version values ($1)", number)


async def _version(connection: Connection) -> int:
    async with connection.transaction():
        # Not by to_regclass, which may answer from before the lock was had.
        is_there = await connection.fetchval(
            "select exists (select 1 from pg_class where relname = 'schema_version' "
            "and relnamespace = current_schema()::regnamespace)"
        )
        if not is_there:
            return 0
        version = await connection.fetchval("select version from schema_version")
    assert isinstance(version, int)
    return version
