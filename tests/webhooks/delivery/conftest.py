from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.webhooks.delivery.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The real dispatcher on a real store, and the services beside it."""
    async with a_world(tmp_path) as made:
        yield made
