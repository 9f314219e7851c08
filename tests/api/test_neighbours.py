"""Slow downloads or uploads of one workspace do not delay another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest

from ringback.egress.fetcher import Fetcher
from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.http.uploads import UPLOADS_MAX
from ringback.testing import FakeReceiver, hang, respond, settle
from tests import media_files as files
from tests.world import World

LONG_S = 3600.0


@asynccontextmanager
async def fetching(world: World) -> AsyncIterator[None]:
    """Let the world's API fetch over real sockets from this machine, however long it takes."""
    policy = TargetPolicy.dev()
    fetcher = Fetcher(policy, settings=ClientSettings(total_timeout_s=LONG_S))
    assets = world.asset_service(fetcher.download)
    world.serve_with(input_policy=policy, assets=assets)
    try:
        yield
    finally:
        fetcher.close()


@pytest.mark.parametrize(
    ("names", "count"),
    [(("mallory",), UPLOADS_MAX), (("mallory",), 200), (("m1", "m2", "m3", "m4"), 200)],
)
async def test_files_behind_urls_that_hang_keep_no_other_workspace_waiting(
    world: World, names: tuple[str, ...], count: int
) -> None:
    picture = files.png()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(fetching(world))
        receiver = await stack.enter_async_context(FakeReceiver(then=hang()))
        healthy = await stack.enter_async_context(FakeReceiver(then=respond(200, body=picture)))
        clients = [await stack.enter_async_context(world.client(name)) for name in names]
        url = receiver.url_at("/a.png")
        hanging = [
            asyncio.create_task(clients[i % len(clients)].post("/assets", json={"url": url}))
            for i in range(count)
        ]
        fair = min(count, UPLOADS_MAX * len(names))
        await receiver.wait_for(fair, timeout_s=50)
        alice = await stack.enter_async_context(world.client("alice"))
        for _ in range(UPLOADS_MAX):
            made = await alice.post("/assets", json={"url": healthy.url_at("/a.png")})
            assert made.status_code == 200, made.text
        refused = [task.result().status_code for task in hanging if task.done()]
        assert refused == [429] * (count - fair)  # what one workspace may have under way at once
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
    assert not list((world.incoming._directory).iterdir())


async def test_a_file_behind_a_url_is_written_as_it_comes_and_refused_when_too_large(
    world: World,
) -> None:
    async with fetching(world), world.client() as client, FakeReceiver() as receiver:
        receiver._answers = iter([respond(200, body=files.png()), respond(404)])
        made = await client.post("/assets", json={"url": receiver.url_at("/fox.png")})
        assert made.json()["mime_type"] == "image/png"
        gone = await client.post("/assets", json={"url": receiver.url_at("/fox.png")})
        assert gone.json()["code"] == "invalid_media"


async def test_uploads_that_are_sent_slowly_keep_no_other_workspace_waiting(
    world: World,
) -> None:
    never = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"--x\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\n"
        await never.wait()

    headers = {"content-type": "multipart/form-data; boundary=x"}

    async def post(client: httpx2.AsyncClient) -> Any:
        return await client.post("/assets", content=slowly(), headers=headers)

    async with world.client("mallory") as mallory, world.client("alice") as alice:
        hanging = [asyncio.create_task(post(mallory)) for _ in range(UPLOADS_MAX)]
        await settle()
        made = await alice.post("/assets", files={"file": ("fox.png", files.png())})
        assert made.status_code == 200
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
