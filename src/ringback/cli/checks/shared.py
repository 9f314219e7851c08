"""The checks of a shared PostgreSQL database and a shared store of artifacts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringback.cli.checks.finding import Finding
from ringback.clock import SystemClock
from ringback.errors import SetupError
from ringback.settings import Settings

_SKEW_MS_MAX = 5_000
_LONG = (
    "select count(*) from pg_stat_activity where datname = current_database() "
    "and xact_start < clock_timestamp() - interval '10 minutes'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DatabaseState:
    """The state of a PostgreSQL server."""

    where: str
    version: str
    schema: int
    schema_known: int
    may_run: bool
    skew_ms: int
    long_count: int
    is_pooled: bool


def shared_database(settings: Settings) -> Finding:
    """Check the configured PostgreSQL database without changing it."""
    try:
        state = asyncio.run(_read_state(str(settings.database)))
    except ModuleNotFoundError:
        todo = "Add PostgreSQL's driver: pip install 'ringback[postgres]'."
        return Finding(name="database", found="PostgreSQL's driver is not there", todo=todo)
    except SetupError as exc:
        todo = "Start it, or correct the setting database."
        return Finding(name="database", found=str(exc), todo=todo)
    return Finding(name="database", found=_description(state), todo=_todo(state))


async def _read_state(dsn: str) -> _DatabaseState:
    from ringback.storage.dsn import shown
    from ringback.storage.postgres.clock import DatabaseClock
    from ringback.storage.postgres.connections import Server, close
    from ringback.storage.postgres.migrations_runner import may_work_on, schema_of
    from ringback.storage.postgres.statements import migrations

    server = Server(dsn)
    await server.detect_pooler(wait_s=0)
    machine = SystemClock()
    clock = DatabaseClock(machine)
    connection = await server.connect()
    try:
        await clock.set_by(connection)
        schema, known = await schema_of(connection), migrations()[-1][0]
        return _DatabaseState(
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


def _description(state: _DatabaseState) -> str:
    schema = f"schema {state.schema} of {state.schema_known}" if state.schema else "no schema yet"
    pooled = ", behind a pooler" if state.is_pooled else ""
    clock = f"its clock is {state.skew_ms / 1000:+.1f} s from this machine's"
    held = f", {state.long_count} transactions older than 10 minutes" if state.long_count else ""
    return f"{state.where} is PostgreSQL {state.version}{pooled}, {schema}; {clock}{held}"


def _todo(state: _DatabaseState) -> str | None:
    if not state.may_run:
        return "Its schema is of a later Ringback: run that version here."
    if abs(state.skew_ms) > _SKEW_MS_MAX:
        return "Set both clocks, best by NTP: webhooks are dated by the database's."
    if state.long_count:
        return "End them: while they are open, vacuum frees nothing and every query gets slower."
    return None


def artifacts_place(settings: Settings) -> Finding:
    """Test the bucket with a small file, or describe the directory without one."""
    if settings.artifacts_url is None:
        found = f"kept in {settings.data / 'artifacts'}, which every process must share"
        return Finding(name="artifacts", found=found)
    from ringback.server.adapters import artifacts_for

    try:
        asyncio.run(artifacts_for(settings, SystemClock()).check())
    except SetupError as exc:
        todo = "Let this user write, read and delete there, or correct the settings."
        return Finding(name="artifacts", found=str(exc), todo=todo)
    found = f"{settings.artifacts_url} can be written, read and deleted from"
    return Finding(name="artifacts", found=found)
