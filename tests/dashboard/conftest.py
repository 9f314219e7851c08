from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dashboard.browser import Browser, PageWorld, a_page_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PageWorld]:
    async with a_page_world(tmp_path) as made:
        yield made


@pytest.fixture
async def browser(world: PageWorld) -> AsyncIterator[Browser]:
    made = world.browser()
    yield made
    await made.http.aclose()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[PageWorld]:
    """A server, where a token opens its workspace and nothing else does."""
    async with a_page_world(tmp_path / "server", profile="serve") as made:
        yield made


@pytest.fixture
async def operated(tmp_path: Path) -> AsyncIterator[PageWorld]:
    """A server whose operator's workspace is ``studio``."""
    settings = {"profile": "serve", "operator_workspace": "studio"}
    async with a_page_world(tmp_path / "operated", **settings) as made:
        yield made
