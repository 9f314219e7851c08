"""Node apps on real servers: kill -9 in the middle of runs begins no step twice and loses none."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ringback import Ringback
from ringback.clock import SystemClock
from ringback.testing.emulator import Emulator
from tests.e2e.harness import AuditStore, ServerProcess
from tests.media_files import png

CYCLES = int(os.environ.get("CYCLES", "2"))
RUNS = 6
FLUX = "image/bfl/flux-1-dev"


def a_step(prompt: str, *needs: str) -> dict[str, Any]:
    parts = [prompt, *({"from": f"{name}.url"} for name in needs)]
    given: dict[str, Any] = {"prompt": {"join": parts}, "width": 512, "height": 512}
    return {"model": FLUX, "input": given}


DIAMOND = {
    "name": "Diamond",
    "steps": {
        "top": a_step("a lake"),
        "left": a_step("dawn", "top"),
        "right": a_step("dusk", "top"),
        "bottom": a_step("night", "left", "right"),
    },
    "outputs": {"bottom": {"from": "bottom.url"}, "both": {"from": "left.urls"}},
}


class Client:
    """A client of a server that comes and goes."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def execute(self, receiver_url: str) -> str:
        answer = await self.http.post(
            "/node-apps/diamond/execute", json={}, headers={"x-webhook-url": receiver_url}
        )
        assert answer.status_code == 200, answer.text
        ((run),) = answer.json()
        return str(run["job_id"])

    async def jobs(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.http.get("/jobs?limit=1000")).json()["items"]
        return items

    async def steps_done(self) -> set[str]:
        """Return the jobs of steps that have completed."""
        return {
            job["job_id"]
            for job in await self.jobs()
            if "run" in job and job["status"] == "completed"
        }


async def until_more_is_done(client: Client, done: set[str]) -> None:
    """Return when a step has completed that had not, or nothing is left to do."""
    for _ in range(400):
        jobs = await client.jobs()
        if await client.steps_done() - done:
            return
        if all(job["status"] in ("completed", "failed") for job in jobs):
            return
        await SystemClock().sleep(0.05)
    raise AssertionError("no step came to its end")


@pytest.mark.timeout(120 + 20 * CYCLES)
async def test_a_kill_in_the_middle_of_runs_begins_no_step_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    books = AuditStore()
    environment = {"RINGBACK_ACTIVE_MAX": "4", "RINGBACK_SKETCH_PROCESSES": "1"}
    server = ServerProcess(tmp_path / "data", environment=environment)
    headers = {"authorization": "Bearer dev"}
    made: dict[str, Any] = {}
    async with books.receiver() as receiver, server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=20, headers=headers) as http:
            client = Client(http)
            await server.start()
            await http.post("/node-apps", json=DIAMOND)
            books.acknowledged += [await client.execute(receiver.url) for _ in range(RUNS)]
            for _ in range(CYCLES):
                done = await client.steps_done()
                await until_more_is_done(client, done)
                for _ in range(rng.randint(0, 40)):  # a moment that nobody chose
                    made |= {job["job_id"]: job for job in await client.jobs() if is_done(job)}
                await server.kill()
                await server.start()
            await books.until_brought(set(books.acknowledged), timeout_s=90)
            await check(client, books, made)
        assert await server.stop() == 0, server.errors
        await server.audit()
    assert books.ended_twice == []
    assert books.changed == []


def is_done(job: dict[str, Any]) -> bool:
    return "run" in job and job["status"] == "completed"


async def check(client: Client, books: AuditStore, made: dict[str, Any]) -> None:
    """Fail unless every run has each of its steps once, and what was made stayed."""
    jobs = {job["job_id"]: job for job in await client.jobs()}
    for job_id, before in made.items():
        assert jobs[job_id]["result"] == before["result"]
        assert jobs[job_id]["completed_at"] == before["completed_at"]
    of_run: dict[str, list[str]] = {}
    for job in jobs.values():
        if "run" in job:
            of_run.setdefault(job["run"]["job_id"], []).append(job["run"]["step"])
    for run_id in books.acknowledged:
        run = jobs[run_id]
        assert len(of_run[run_id]) == len(set(of_run[run_id])), run
        assert run["status"] == "completed", run
        assert set(of_run[run_id]) == set(DIAMOND["steps"])
        url = run["result"]["outputs"]["bottom"]
        picture = await client.http.get(url)
        assert picture.content.startswith(b"\x89PNG"), url


FILM = {
    "name": "Film",
    "inputs": {"photo": {"type": "string", "required": True}},
    "steps": {
        "photo": {"asset": {"from": "input.photo"}},
        "picture": {
            "model": FLUX,
            "input": {"prompt": "a lake", "image_url": {"from": "photo.url"}, "width": 512},
        },
        "large": {
            "model": "enhance/topaz/standard-enhance",
            "input": {
                "model": "Standard V2",
                "image_url": {"from": "picture.url"},
                "width": 1024,
                "height": 1024,
            },
        },
        "film": {
            "model": "video/kling/kling-2.5",
            "input": {"prompt": "the lake moves", "start_image": {"from": "picture.url"}},
        },
    },
    "outputs": {"large": {"from": "large.url"}, "film": {"from": "film.url"}},
}


@pytest.mark.timeout(120)
def test_an_asset_becomes_a_picture_that_is_enlarged_and_set_in_motion(
    ringback_server: Emulator,
) -> None:
    with Ringback(api_key="dev", base_url=ringback_server.url) as client:
        photo = client.assets.upload(png(), filename="photo.png")
        app = client.node_apps.push(FILM)
        (run,) = client.node_apps.execute(str(app.version_id), photo=photo.id)
        run = run.wait(timeout=90)
        assert run.status == "completed"
        steps = {step["step"]: step for step in client.jobs.get(run.job_id).steps or ()}
    assert list(steps) == ["photo", "picture", "large", "film"]
    assert steps["photo"]["kind"] == "asset"
    assert [steps[name]["kind"] for name in ("picture", "large", "film")] == [
        "image",
        "enhance",
        "video",
    ]
    assert set(run.outputs) == {"large", "film"}
    assert run.urls == tuple(run.outputs.values())
