from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.service import Service
from ringback.storage.contract import Workspace
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock


@pytest.fixture
def clock() -> Clock:
    return FakeClock()


@pytest.fixture
def bells() -> Bells:
    return Bells()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "data")
    for name in ("studio", "rival"):
        await opened.open_workspace(
            Workspace(workspace_id=name, secret="whsec_AAAA", created_at_ms=1)
        )
    yield opened
    await opened.close()


@pytest.fixture
def service(store: SqliteStore, clock: Clock, bells: Bells) -> Service:
    return Service(
        store,
        clock=clock,
        ids=Ids(clock.now_ms, random.Random(3).getrandbits),
        limits=Limits(active_max=4, backlog_max=10),
        bells=bells,
    )
