from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.storage.contract import Store, Workspace
from ringback.storage.sqlite import SqliteStore


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store of each kind, with the workspaces studio and rival."""
    opened = await SqliteStore.open(tmp_path / "data")
    for name in ("studio", "rival"):
        await opened.open_workspace(
            Workspace(workspace_id=name, secret="whsec_AAAA", created_at_ms=1)
        )
    yield opened
    await opened.close()
