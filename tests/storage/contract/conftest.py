from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.storage.contract import Store
from ringback.storage.postgres import PostgresStore
from ringback.storage.sqlite import SqliteStore
from tests.builders import an_id_factory, open_workspaces
from tests.postgres import Databases


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store of each kind, with the workspaces studio and rival."""
    if request.param == "sqlite":
        opened = await SqliteStore.open(tmp_path / "data", id_factory=an_id_factory())
        await open_workspaces(opened, "studio", "rival")
        yield opened
        await opened.close()
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.fresh() as dsn:
        shared = await PostgresStore.open(dsn, id_factory=an_id_factory())
        yield shared
        await shared.close()
