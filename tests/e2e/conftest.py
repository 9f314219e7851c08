from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.harness import ServerProcess


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """An emulator in a process of its own."""
    process = ServerProcess(tmp_path / "data")
    await process.start()
    yield process
    assert await process.stop() == 0, process.errors


@pytest.fixture
async def http(server: ServerProcess) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the emulator, in the workspace dev."""
    async with httpx2.AsyncClient(
        base_url=server.url, timeout=20, headers={"authorization": "Bearer dev"}
    ) as client:
        yield client
