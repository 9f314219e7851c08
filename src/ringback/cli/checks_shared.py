"""What the doctor looks at where several machines share a database and a place for artifacts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringback.cli.finding import Finding
from ringback.clock import SystemClock
from ringback.errors import SetupError
from ringback.settings import Settings

_SKEW_MS_MAX = 5_000
_LONG = (
    "select count(*) from pg_stat_activity where datname = current_database() "
    "and xact_start < clock_timestamp() - interval '10 minutes'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a PostgreSQL server tells of itself."""

    where: str
    version: str
    schema: int
    schema_known: int
    may_run: bool
    skew_ms: int
    long_count: int
    is_pooled: bool


def shared_database(settings: Settings) -> Finding:
    """Look at the setting database, and change nothing there."""
    try:
        seen = asyncio.run(_look(str(settings.database)))
    except ModuleNotFoundError:
        todo = "Add PostgreSQL's driver: pip install 'ringback[postgres]'."
        return Finding(name="database", found="PostgreSQL's driver is not there", todo=todo)
    except SetupError as exc:
        todo = "Start it, or correct the setting database."
        return Finding(name="database", found=str(exc), todo=todo)
    return Finding(name="database", found=_told(seen), todo=_todo(seen))


async def _look(dsn: str) -> _Seen:
    from ringback.storage.postgres.clock import DatabaseClock
    from ringback.storage.postgres.connecting import Server, close, shown
    from ringback.storage.postgres.migrating import may_work_on, schema_of
    from ringback.storage.postgres.statements import migrations

    server = Server(dsn)
    await server.look(wait_s=0)
    machine = SystemClock()
    clock = DatabaseClock(machine)
    connection = await server.connect()
    try:
        await clock.set_by(connection)
        schema, known = await schema_of(connection), migrations()[-1][0]
        return _Seen(
            where=shown(dsn),
            version=await connection.fetchval("show server_version"),
            schema=schema.version,
            schema_known=known,
            may_run=may_work_on(schema, known),
            skew_ms=clock.now_ms() - machine.now_ms(),
            long_count=await connection.fetchval(_LONG),
            is_pooled=server.is_pooled,
        )
    finally:
        await close(connection)


def _told(seen: _Seen) -> str:
    schema = f"schema {seen.schema} of {seen.schema_known}" if seen.schema else "no schema yet"
    pooled = ", behind a pooler" if seen.is_pooled else ""
    clock = f"its clock is {seen.skew_ms / 1000:+.1f} s from this machine's"
    held = f", {seen.long_count} transactions older than 10 minutes" if seen.long_count else ""
    return f"{seen.where} is PostgreSQL {seen.version}{pooled}, {schema}; {clock}{held}"


def _todo(seen: _Seen) -> str | None:
    if not seen.may_run:
        return "Its schema is of a later Ringback: run that version here."
    if abs(seen.skew_ms) > _SKEW_MS_MAX:
        return "Set both clocks, best by NTP: webhooks are dated by the database's."
    if seen.long_count:
        return "End them: while they are open, vacuum frees nothing and every query gets slower."
    return None


def artifacts_place(settings: Settings) -> Finding:
    """Try the bucket with a small file; without one, say who must share the directory."""
    if settings.artifacts_url is None:
        found = f"kept in {settings.data / 'artifacts'}, which every process must share"
        return Finding(name="artifacts", found=found)
    from ringback.app.adapters import artifacts_for

    try:
        asyncio.run(artifacts_for(settings, SystemClock()).check())
    except SetupError as exc:
        todo = "Let this user write, read and delete there, or correct the settings."
        return Finding(name="artifacts", found=str(exc), todo=todo)
    found = f"{settings.artifacts_url} can be written, read and deleted from"
    return Finding(name="artifacts", found=found)
