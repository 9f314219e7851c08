"""Moves a data directory into PostgreSQL and a bucket; it can be resumed, and is verified.

Rows are copied in the order of their keys, in batches; each transaction also stores the last key,
from which a killed move goes on. At the end every table is read from both sides, to compare the
number of rows and a hash of all of them in order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from ringback.clock import SystemClock
from ringback.errors import SetupError
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.local import LocalArtifacts
from ringback.files.artifacts.names import media_type_of
from ringback.server.adapters import artifacts_for
from ringback.server.migrate_tables import (
    TABLES,
    Connection,
    Digest,
    Row,
    Table,
    all_in_postgres,
    all_in_sqlite,
    columns_of,
    key_of,
    rows_in_sqlite,
)
from ringback.server.services import sealer_for
from ringback.settings import Settings
from ringback.signing.sealing import is_sealed
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.connections import Server, close
from ringback.storage.postgres.migration_guard import (
    check_nobody_works,
    end_of_move,
    is_being_moved_into,
    open_for_a_move,
)
from ringback.storage.sqlite.database_files import DATABASE, DirectoryLock, connect, migrate

_ROWS = 2_000
_HELD = "; stop it: rows that it writes now would stay behind"

Report = Callable[[str], None]


class MoveSummary(Struct, frozen=True, kw_only=True):
    """The rows by table and the artifacts that were moved, or would be."""

    rows: dict[str, int]
    artifacts_count: int
    is_dry: bool


async def move(settings: Settings, *, dry: bool, report: Report) -> MoveSummary:
    """Move the data directory into the settings' database and bucket, or raise ``SetupError``."""
    if settings.database is None:
        raise SetupError("Name the PostgreSQL database to move to in RINGBACK_DATABASE.")
    if not (settings.data / DATABASE).exists():
        raise SetupError(f"There is no Ringback database in {settings.data}; name it with --data.")
    lock = DirectoryLock(settings.data, held=_HELD)
    try:
        with closing(connect(settings.data / DATABASE)) as source:
            migrate(source)
            if dry:
                return await _plan(settings, source)
            return await _move(settings, source, report)
    finally:
        lock.release()


async def _plan(settings: Settings, source: apsw.Connection) -> MoveSummary:
    """Return the rows and artifacts that would be moved, without a write."""
    server = await _target(settings)
    connection = await server.connect()
    try:
        await _check_is_free(connection)
        await check_nobody_works(connection)
    finally:
        await close(connection)
    if settings.artifacts_url is not None:
        await artifacts_for(settings, SystemClock()).check()
    rows = {table.name: _count(source, table) for table in TABLES}
    return MoveSummary(rows=rows, artifacts_count=len(_files(settings)), is_dry=True)


async def _move(settings: Settings, source: apsw.Connection, report: Report) -> MoveSummary:
    _check_seals(settings, source)
    server = await _target(settings)
    connection = await server.connect()
    try:
        await _check_is_free(connection)
        await open_for_a_move(connection)
    finally:
        await close(connection)
    artifacts_count = await _move_files(settings, report)
    store = await PostgresStore.open(server.dsn, moving=True)  # creates the schema
    connection = await server.connect()
    try:
        for table in TABLES:
            await _move_table(source, connection, table, report)
        rows = {}
        for table in TABLES:
            rows[table.name] = await _verify(source, connection, table, report)
        await _check_audit(store)
        await end_of_move(connection)
    finally:
        await close(connection)
        await store.close()
    return MoveSummary(rows=rows, artifacts_count=artifacts_count, is_dry=False)


async def _target(settings: Settings) -> Server:
    """Return the database server, or raise ``SetupError`` if it is behind a pooler."""
    dsn = settings.database_direct or settings.database
    assert dsn is not None
    server = Server(dsn)
    await server.detect_pooler()
    if server.is_pooled:
        raise SetupError(
            "That database is behind a pooler, and a move needs a direct connection: name the "
            "database itself in RINGBACK_DATABASE_DIRECT."
        )
    return server


async def _check_is_free(connection: Connection) -> None:
    """Raise ``SetupError`` when the database has data that is not from an interrupted move."""
    async with connection.transaction():
        if await is_being_moved_into(connection):
            return
        if await connection.fetchval("select to_regclass('workspaces')") is None:
            return
        used = await connection.fetchval(
            "select exists (select 1 from workspaces where workspace_id <> 'ringback:operator')"
        )
    if used:
        raise SetupError(
            "That database holds data already; name an empty one in RINGBACK_DATABASE."
        )


def _check_seals(settings: Settings, source: apsw.Connection) -> None:
    """Raise ``SetupError`` without the master key that sealed the secrets."""
    for owner, sealed in source.execute("select owner, sealed from secrets"):
        if is_sealed(sealed):
            sealer_for(settings, may_make=False).unseal(sealed, owner=owner)
            return


async def _move_table(
    source: apsw.Connection, connection: Connection, table: Table, report: Report
) -> None:
    columns, types = await columns_of(connection, table)
    progress = await connection.fetchrow(
        "select last_key, count from moves where what = $1", table.name
    )
    after: Row | None = None
    count = 0
    if progress is not None:
        after, count = tuple(msgspec.json.decode(progress["last_key"])), progress["count"]
    while rows := rows_in_sqlite(source, table, columns, after=after, limit=_ROWS):
        last = key_of(table, columns, rows[-1])
        async with connection.transaction():
            if table.name == "workspaces" and after is None:
                await connection.execute(
                    "delete from workspaces"
                )  # the operator's, which opening the store made
            await connection.copy_records_to_table(
                table.name, records=_as_postgres(rows, columns, types), columns=columns
            )
            await connection.execute(
                "insert into moves values ($1, $2, $3) on conflict (what) "
                "do update set last_key = excluded.last_key, count = excluded.count",
                table.name,
                msgspec.json.encode(last).decode(),
                count + len(rows),
            )
        after, count = last, count + len(rows)
        report(f"{table.name}: {count:,} rows are copied")
    if table.sequence is not None:
        # Retention may have deleted the rows with the highest numbers.
        await connection.execute(
            f"select setval('{table.sequence}', $1)",
            max(1, _highest_number(source, table)),
        )


def _as_postgres(rows: list[Row], columns: list[str], types: dict[str, str]) -> list[Row]:
    kinds = [types[name] for name in columns]
    if "boolean" not in kinds and "double precision" not in kinds:
        return rows
    converters: dict[str, Callable[[Any], Any]] = {"boolean": bool, "double precision": float}
    return [
        tuple(
            converters[kind](value) if kind in converters and value is not None else value
            for kind, value in zip(kinds, row, strict=True)
        )
        for row in rows
    ]


def _highest_number(source: apsw.Connection, table: Table) -> int:
    key = table.sources[table.derived.index("seq")] if "seq" in table.derived else table.key[0]
    ((highest,),) = source.execute(f"select coalesce(max({key}), 0) from {table.name} t")  # noqa: S608
    sequence = source.execute("select seq from sqlite_sequence where name = ?", (table.name,))
    return int(max([highest, *(seq for (seq,) in sequence)]))


async def _verify(
    source: apsw.Connection, connection: Connection, table: Table, report: Report
) -> int:
    """Return how many rows a table has, or raise ``SetupError`` if the two sides differ."""
    columns, types = await columns_of(connection, table)
    texts = {name for name, kind in types.items() if kind == "text"}
    here, there = Digest(), Digest()
    for rows in all_in_sqlite(source, table, columns):
        here.add(rows)
    async for row in all_in_postgres(connection, table, columns, texts):
        there.add([row])
    if (here.count, here.hexdigest) != (there.count, there.hexdigest):
        raise SetupError(
            f"The table {table.name} is not the same on both sides ({here.count:,} rows here, "
            f"{there.count:,} there): one of them was changed meanwhile. Start again with an empty "
            "database."
        )
    report(f"{table.name}: {here.count:,} rows, sha256 {here.hexdigest[:16]}… on both sides")
    return here.count


async def _check_audit(store: PostgresStore) -> None:
    ledger = await store.ledger()
    if not ledger.balances:
        fault = ledger.faults[0]
        raise SetupError(
            f"The books do not balance: {fault.row}: {fault.sentence}. "
            "ringback ledger says whether they did before."
        )


async def _move_files(settings: Settings, report: Report) -> int:
    """Copy the artifacts into the bucket, if there is one; return how many there are."""
    files = _files(settings)
    if settings.artifacts_url is None:
        return len(files)
    artifacts = artifacts_for(settings, SystemClock())
    await artifacts.check()
    for number, path in enumerate(files, start=1):
        await _move_file(path, artifacts)
        if number % 100 == 0 or number == len(files):
            report(f"artifacts: {number:,} of {len(files):,} are copied and read back")
    return len(files)


async def _move_file(path: Path, artifacts: ArtifactStore) -> None:
    artifact = await artifacts.find(path.name)
    if artifact is None or artifact.size_bytes != _size(path):
        await artifacts.put(path.name, path)
        artifact = await artifacts.find(path.name)
    there = sha256()
    if artifact is not None:
        async for chunk in artifacts.read(artifact):
            there.update(chunk)
    if _digest(path) != there.digest():
        raise SetupError(
            f"The artifact {path.name} is not the same in the bucket; delete it there and go on."
        )


def _size(path: Path) -> int:
    return path.stat().st_size


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, sha256).digest()


def _files(settings: Settings) -> list[Path]:
    directory = settings.data / "artifacts"
    local = LocalArtifacts(directory)
    paths = (path for path in directory.glob("*/*") if media_type_of(path.name) is not None)
    return sorted(path for path in paths if path == local.path_of(path.name))


def _count(source: apsw.Connection, table: Table) -> int:
    ((count,),) = source.execute(f"select count(*) from {table.name}")  # noqa: S608
    assert isinstance(count, int)
    return count
