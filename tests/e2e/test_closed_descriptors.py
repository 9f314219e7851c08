"""A server that is started with closed standard descriptors works, and ends well."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.e2e.harness import ServerProcess

_CLOSED = (
    "import os, sys\nfor one in {closed}: os.close(one)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'ringback', *sys.argv[1:]])"
)


@pytest.mark.parametrize("closed", [(0,), (0, 2)])
async def test_a_server_without_standard_descriptors_draws_and_ends_well(
    tmp_path: Path, closed: tuple[int, ...]
) -> None:
    program = ("-c", _CLOSED.format(closed=closed))
    async with ServerProcess(tmp_path / "data", program=program) as server:
        await server.start()
        async with httpx2.AsyncClient(base_url=server.url, timeout=90) as client:
            answer = await client.post(
                "/generate/image/bfl/flux-1-dev",
                json={"prompt": "a fox"},
                headers={"authorization": "Bearer dev", "prefer": "wait=60"},
            )
            assert answer.json()["status"] == "completed", answer.text
            assert (await client.get("/readyz")).status_code == 200
        assert await server.stop() == 0
