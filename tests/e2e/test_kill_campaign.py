"""Kills a second or two apart while pictures, clips and trainings are made: no job fails by them.

``KILLS=90`` kills for longer.
"""

from __future__ import annotations

import os
import random
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ringback.clock import SystemClock
from tests.e2e.harness import ServerProcess
from tests.media_files import png

KILLS = int(os.environ.get("KILLS", "8"))
PICTURE = "data:image/png;base64," + b64encode(png()).decode()
WORK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/generate/image/bfl/flux-1-dev", {"prompt": "a lake", "width": 512, "height": 512}),
    (
        "/generate/video/alibaba/wan-2.1",
        {"prompt": "a lake", "width": 320, "height": 192, "frame_num": 17},
    ),
    (
        "/styles/train",
        {"model": "flux_dev", "type": "Style", "name": "lake", "urls": [PICTURE] * 3},
    ),
)
PATIENCE_S = 300.0


class Client:
    """A client of a server that comes and goes."""

    def __init__(self, server: ServerProcess, http: httpx2.AsyncClient) -> None:
        self._server = server
        self._http = http
        self.job_ids: list[str] = []

    async def submit_one_of_each(self) -> None:
        for path, body in WORK:
            answer = await self._http.post(self._server.url + path, json=body)
            assert answer.status_code == 200, answer.text
            self.job_ids.append(answer.json()["job_id"])

    async def ended(self, job_id: str) -> dict[str, Any]:
        clock = SystemClock()
        until = clock.monotonic() + PATIENCE_S
        while clock.monotonic() < until:
            answer = await self._http.get(f"{self._server.url}/jobs/{job_id}?wait=30")
            job: dict[str, Any] = answer.json()
            if job["status"] in ("completed", "failed", "cancelled"):
                return job
        raise AssertionError(job)


def server_on(data: Path, *, crash_wait_s: str) -> ServerProcess:
    return ServerProcess(
        data,
        environment={
            "RINGBACK_ACTIVE_MAX": "8",
            "RINGBACK_SKETCH_PROCESSES": "1",
            "RINGBACK_CRASH_WAIT_S": crash_wait_s,
            "RINGBACK_KREA_AS_OF": "2026-05-27",  # whose clips may have 17 frames
        },
    )


@pytest.mark.timeout(120 + PATIENCE_S + 5 * KILLS)
@pytest.mark.parametrize("crash_wait_s", ["0", "2"])
async def test_no_kill_of_the_server_fails_a_job(tmp_path: Path, crash_wait_s: str) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    server = server_on(tmp_path / "data", crash_wait_s=crash_wait_s)
    headers = {"authorization": "Bearer dev"}
    async with server, httpx2.AsyncClient(timeout=40, headers=headers) as http:
        client = Client(server, http)
        for kill in range(KILLS):
            await server.start()
            if kill % 2 == 0:
                await client.submit_one_of_each()
            await SystemClock().sleep(rng.uniform(1.0, 2.0))
            await server.kill()
        await server.start()
        ended = [await client.ended(job_id) for job_id in client.job_ids]
        assert [job["result"] for job in ended if job["status"] != "completed"] == []
        assert len(ended) == len(WORK) * ((KILLS + 1) // 2)
        assert await server.stop() == 0, server.errors
    await server.audit()
    if crash_wait_s != "0":
        assert "crash_loop" in (tmp_path / "data.stderr").read_text("utf-8")


@pytest.mark.timeout(PATIENCE_S)
async def test_a_job_that_ends_the_whole_server_holds_up_no_other_and_is_not_failed(
    tmp_path: Path,
) -> None:
    crashing = (str(Path(__file__).with_name("crashing.py")),)
    server = ServerProcess(
        tmp_path / "data",
        program=crashing,
        environment={"RINGBACK_ACTIVE_MAX": "8", "RINGBACK_CRASH_WAIT_S": "2"},
    )
    headers = {"authorization": "Bearer dev"}
    async with server, httpx2.AsyncClient(timeout=40, headers=headers) as http:

        async def submit(prompt: str) -> str:
            path = server.url + "/generate/image/ringback/null"
            answer = await http.post(path, json={"prompt": prompt})
            assert answer.status_code == 200, answer.text
            return str(answer.json()["job_id"])

        async def status(job_id: str) -> str:
            return str((await http.get(f"{server.url}/jobs/{job_id}?wait=5")).json()["status"])

        deadly: str | None = None
        innocent: list[str] = []
        for _ in range(20):
            await server.start()
            try:
                if deadly is None:
                    innocent += [await submit("fog") for _ in range(3)]
                    deadly = await submit("deadly")
                while {await status(job_id) for job_id in innocent} != {"completed"}:
                    pass
            except httpx2.TransportError:
                await server.kill()  # it has ended already
                continue
            break
        else:
            raise AssertionError(server.errors)
        assert deadly is not None
        assert await status(deadly) in ("queued", "scheduled", "processing")
        await http.delete(f"{server.url}/jobs/{deadly}")
    assert "crash_loop" in server.errors
    assert deadly in server.errors
