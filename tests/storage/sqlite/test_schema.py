"""The schema is brought up to date only when no server runs on it."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from ringback.errors import SetupError
from ringback.storage.sqlite import SqliteStore
from ringback.storage.sqlite.statements import migrations

NEWEST = migrations()[-1][0]


def schema_of(directory: Path) -> int:
    database = apsw.Connection(str(directory / "ringback.db"), flags=apsw.SQLITE_OPEN_READONLY)
    version = database.pragma("user_version")
    database.close()
    assert isinstance(version, int)
    return version


def set_schema(directory: Path, version: int) -> None:
    database = apsw.Connection(str(directory / "ringback.db"))
    database.pragma("user_version", version)
    database.close()


async def test_the_command_line_migrates_no_data_that_a_server_runs_on(tmp_path: Path) -> None:
    server = await SqliteStore.open(tmp_path)
    set_schema(tmp_path, NEWEST - 1)  # as an older server has it
    with pytest.raises(SetupError, match=rf"process {os.getpid()}.*that server's own version"):
        await SqliteStore.open(tmp_path, exclusive=False)
    assert schema_of(tmp_path) == NEWEST - 1
    await server.close()


async def test_the_command_line_migrates_data_that_no_server_runs_on_and_keeps_no_lock(
    tmp_path: Path,
) -> None:
    (tmp_path / "ringback.db").touch()  # schema 0
    beside = await SqliteStore.open(tmp_path, exclusive=False)
    assert schema_of(tmp_path) == NEWEST
    await (await SqliteStore.open(tmp_path)).close()
    await beside.close()


async def test_the_command_line_leaves_later_data_alone(tmp_path: Path) -> None:
    await (await SqliteStore.open(tmp_path)).close()
    set_schema(tmp_path, NEWEST + 1)
    with pytest.raises(SetupError, match="later Ringback"):
        await SqliteStore.open(tmp_path, exclusive=False)
    assert schema_of(tmp_path) == NEWEST + 1


@pytest.mark.parametrize("exclusive", [True, False])
async def test_a_database_that_somebody_keeps_busy_is_said_to_be(
    tmp_path: Path, exclusive: bool
) -> None:
    other = apsw.Connection(str(tmp_path / "ringback.db"))
    other.pragma("journal_mode", "wal")
    other.execute("begin immediate")
    with pytest.raises(SetupError, match=r"busy.*try again"):
        await SqliteStore.open(tmp_path, exclusive=exclusive)
    other.execute("rollback")
    await (await SqliteStore.open(tmp_path, exclusive=exclusive)).close()
    other.close()
