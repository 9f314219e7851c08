from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from builders import open_workspaces

from ringback.storage.contract import Store
from ringback.storage.sqlite import SqliteStore


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store of each kind, with the workspaces studio and rival."""
    opened = await SqliteStore.open(tmp_path / "data")
    await open_workspaces(opened, "studio", "rival")
    yield opened
    await opened.close()
