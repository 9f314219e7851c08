"""A job through the whole server and each provider's stand-in, from its submission to its file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from anyio import to_thread
from upstream.providers.comfyui import WORKFLOW, Comfy
from upstream.providers.fal import KEY, Fal
from upstream.providers.replicate import TOKEN, Replicate
from upstream.world import PNG

from ringback.testing.emulator import Emulator

MODEL = "bfl/flux-1-dev"
SOON = {"poll_s": 0.02, "poll_s_max": 0.05}


@asynccontextmanager
async def a_server(folder: Path, engine: dict[str, Any]) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of the server, whose models' engine is set up by that table."""
    emulator = Emulator(folder / "data", engines={MODEL: "studio", "studio": {**engine, **SOON}})
    await to_thread.run_sync(emulator.__enter__)
    try:
        headers = {"authorization": f"Bearer {emulator.api_key}", "prefer": "wait=30"}
        async with httpx2.AsyncClient(base_url=emulator.url, headers=headers, timeout=40) as client:
            yield client
    finally:
        await to_thread.run_sync(emulator.__exit__, None, None, None)


async def made(client: httpx2.AsyncClient) -> bytes:
    """Return the file of one job."""
    body = {"prompt": "a fox", "width": 512, "height": 512}
    job = (await client.post(f"/generate/image/{MODEL}", json=body)).json()
    assert job["status"] == "completed", job
    (url,) = job["result"]["urls"]
    return (await client.get(url)).content


async def test_comfyui_makes_a_job(tmp_path: Path) -> None:
    (tmp_path / "flux.json").write_text(json.dumps(WORKFLOW), "utf-8")
    workflow = {"file": str(tmp_path / "flux.json"), "inputs": {"prompt": "6.text"}}
    async with Comfy().serving() as comfy:
        table = {"type": "comfyui", "base_url": comfy.url, "workflows": {MODEL: workflow}}
        async with a_server(tmp_path, table) as client:
            assert await made(client) == PNG
        assert comfy.submitted[0]["prompt"]["6"]["inputs"]["text"] == "a fox"


async def test_replicate_makes_a_job(tmp_path: Path) -> None:
    async with Replicate().serving() as replicate:
        names = {MODEL: "black-forest-labs/flux-dev"}
        table = {"type": "replicate", "base_url": replicate.url, "api_key": TOKEN, "models": names}
        async with a_server(tmp_path, table) as client:
            assert await made(client) == PNG
        assert replicate.submitted[0][1]["input"]["prompt"] == "a fox"


async def test_fal_makes_a_job(tmp_path: Path) -> None:
    async with Fal().serving() as fal:
        names = {MODEL: "fal-ai/flux/dev"}
        table = {"type": "fal", "base_url": fal.url, "api_key": KEY, "models": names}
        async with a_server(tmp_path, table) as client:
            assert await made(client) == PNG
        assert fal.submitted[0][2]["prompt"] == "a fox"
