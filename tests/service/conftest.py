from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from builders import open_workspaces

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.service import Service
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
    await open_workspaces(opened, "studio", "rival")
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
