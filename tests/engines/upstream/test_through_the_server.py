"""One job through the whole server with each fake provider, from submission to file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from anyio import to_thread
from starlette.responses import Response

from ringback.testing.emulator import Emulator
from tests.engines.upstream.providers.comfyui import WORKFLOW, Comfy
from tests.engines.upstream.providers.fal import KEY, Fal
from tests.engines.upstream.providers.replicate import TOKEN, Replicate, succeeded
from tests.engines.upstream.world import PNG

MODEL = "bfl/flux-1-dev"
SOON = {"poll_s": 0.02, "poll_s_max": 0.05}


@asynccontextmanager
async def a_server(folder: Path, engine: dict[str, Any]) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of a server whose models use the engine of that table."""
    emulator = Emulator(folder / "data", engines={MODEL: "studio", "studio": {**engine, **SOON}})
    await to_thread.run_sync(emulator.__enter__)
    try:
        headers = {"authorization": f"Bearer {emulator.api_key}", "prefer": "wait=30"}
        async with httpx2.AsyncClient(base_url=emulator.url, headers=headers, timeout=40) as client:
            yield client
    finally:
        await to_thread.run_sync(emulator.__exit__, None, None, None)


async def made(client: httpx2.AsyncClient) -> bytes:
    """Run one job that leaves all but its prompt open, and return its file."""
    job = (await client.post(f"/generate/image/{MODEL}", json={"prompt": "a fox"})).json()
    assert job["status"] == "completed", job
    (url,) = job["result"]["urls"]
    return (await client.get(url)).content


async def test_comfyui_makes_a_job(tmp_path: Path) -> None:
    (tmp_path / "flux.json").write_text(json.dumps(WORKFLOW), "utf-8")
    inputs = {"prompt": "6.text", "seed": "3.seed", "steps": "3.steps", "width": "5.width"}
    workflow = {"file": str(tmp_path / "flux.json"), "inputs": inputs}
    async with Comfy().serving() as comfy:
        table = {"type": "comfyui", "base_url": comfy.url, "workflows": {MODEL: workflow}}
        async with a_server(tmp_path, table) as client:
            for _ in range(2):
                assert await made(client) == PNG
        first, second = (submitted["prompt"] for submitted in comfy.submitted)
        assert first["6"]["inputs"]["text"] == "a fox"
        # What the jobs left open is the workflow's own, but for the seed.
        assert (first["3"]["inputs"]["steps"], first["5"]["inputs"]["width"]) == (20, 512)
        assert first["3"]["inputs"]["seed"] != second["3"]["inputs"]["seed"]


async def test_a_job_says_which_files_are_missing_or_of_an_unknown_type(tmp_path: Path) -> None:
    async with Replicate().serving() as replicate:
        base = f"{replicate.url}/delivery"
        replicate.steps = [succeeded(f"{base}/a.png", f"{base}/gone.png", f"{base}/log.txt")]
        replicate.script("GET", "/delivery/gone.png", *[Response(status_code=404)] * 8)
        replicate.script("GET", "/delivery/log.txt", Response(b"<script>alert(1)</script>"))
        names = {MODEL: "black-forest-labs/flux-dev"}
        table = {"type": "replicate", "base_url": replicate.url, "api_key": TOKEN, "models": names}
        async with a_server(tmp_path, {**table, "retries": 0}) as client:
            submitted = await client.post(f"/generate/image/{MODEL}", json={"prompt": "a fox"})
            job = (await client.get(f"/jobs/{submitted.json()['job_id']}")).json()
            picture, log = job["result"]["urls"]
            disposition = (await client.get(picture)).headers["content-disposition"]
            kept = await client.get(log)
    assert job["status"] == "completed"
    assert job["result"]["notes"] == [
        f"File 2 is missing: {replicate.url.partition('//')[2]} answered 404 (Not Found).",
        "File 3 is of a type that is not known here; it is kept as it came.",
    ]
    assert disposition.startswith("inline")
    assert kept.headers["content-disposition"].startswith("attachment; filename=")
    assert kept.headers["content-type"] == "application/octet-stream"
    assert kept.content == b"<script>alert(1)</script>"


async def test_replicate_makes_a_job(tmp_path: Path) -> None:
    async with Replicate().serving() as replicate:
        names = {MODEL: "black-forest-labs/flux-dev"}
        table = {"type": "replicate", "base_url": replicate.url, "api_key": TOKEN, "models": names}
        async with a_server(tmp_path, table) as client:
            assert await made(client) == PNG
        assert replicate.submitted[0][1]["input"] == {"prompt": "a fox"}


async def test_fal_makes_a_job(tmp_path: Path) -> None:
    async with Fal().serving() as fal:
        names = {MODEL: "fal-ai/flux/dev"}
        table = {"type": "fal", "base_url": fal.url, "api_key": KEY, "models": names}
        async with a_server(tmp_path, table) as client:
            assert await made(client) == PNG
        assert fal.submitted[0][2] == {"prompt": "a fox"}
