"""Migrates the schema, one process at a time, while others may be running."""

from __future__ import annotations

import re
from typing import NamedTuple

from ringback.errors import SetupError
from ringback.storage.postgres.connections import Connection
from ringback.storage.postgres.statements import migrations

LOCK = 7_464_001
"""The advisory lock that a change of the schema holds, for the time of its transaction."""

_OLDEST = re.compile(
    r"^-- Oldest schema whose servers may run beside this one: (\d+)\.$", re.MULTILINE
)
"""The first line of every step but the first."""


class Schema(NamedTuple):
    """The schema of a database, and that of the oldest servers which may work on it."""

    version: int  # 0: nothing
    oldest: int


async def migrate(connection: Connection) -> None:
    """Take every step that is missing, each in a transaction of its own; or ``SetupError``.

    A server of an earlier release goes on with the new schema, and may start on it, if the newest
    step lets it: each says for how old a server it does, and the database keeps that.
    """
    steps = migrations()
    newest = steps[-1][0]
    schema = await schema_of(connection)
    if not may_work_on(schema, newest):
        raise SetupError(
            f"The data were written by a later Ringback (schema {schema.version}, which a server "
            f"needs schema {schema.oldest} for, and this one knows {newest}); "
            "run that version or name another database."
        )
    for number, script in steps:
        if number > schema.version:
            await _take(connection, number, script)


def may_work_on(schema: Schema, known: int) -> bool:
    """Say whether a server that knows that schema may work on this one, or bring it up to date."""
    return known >= schema.oldest


def oldest_beside(number: int) -> int:
    """Return the oldest schema whose servers may run beside that one, as its steps say."""
    oldest = [1]
    for step, script in migrations():
        if 1 < step <= number:
            found = _OLDEST.search(script)
            assert found is not None, f"migration {step} does not say who may run beside it"
            oldest.append(int(found[1]))
    return max(oldest)


async def _take(connection: Connection, number: int, script: str) -> None:
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        # Looked up again under the lock: another process may have been faster.
        if (await schema_of(connection)).version < number:
            await connection.execute(script)
            await connection.execute(
                "create table if not exists schema_version (version integer not null)"
            )
            # A server that knows nothing of this column writes none, and is as old as its schema.
            await connection.execute(
                "alter table schema_version add column if not exists oldest integer"
            )
            await connection.execute("delete from schema_version")
            await connection.execute(
                "insert into schema_version (version, oldest) values ($1, $2)",
                number,
                oldest_beside(number),
            )


async def schema_of(connection: Connection) -> Schema:
    """Return which schema there is."""
    async with connection.transaction():
        # Not by to_regclass, which may answer from before the lock was had.
        columns = await connection.fetch(
            "select attname from pg_attribute a join pg_class c on c.oid = a.attrelid "
            "where c.relname = 'schema_version' and not a.attisdropped "
            "and c.relnamespace = current_schema()::regnamespace"
        )
        if not columns:
            return Schema(0, 0)
        says = "oldest" if ("oldest",) in [tuple(column) for column in columns] else "null::integer"
        version, oldest = await connection.fetchrow(f"select version, {says} from schema_version")  # noqa: S608
    return Schema(version, version if oldest is None else oldest)
