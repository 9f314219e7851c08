from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """The workspace studio's client."""
    async with world.client() as made:
        yield made


@pytest.fixture
async def rival(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """Another workspace's client."""
    async with world.client("rival") as made:
        yield made
