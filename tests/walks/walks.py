"""The walks that a newcomer reads: each is done once to warm up, and once more to be recorded."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image

from ringback.clock import SystemClock
from ringback.http.server import http_server, listen
from ringback.server.app import App
from ringback.service.tokens import TokenService
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeReceiver, settle
from tests.engines.upstream.providers.replicate import TOKEN, Replicate
from tests.walks.trace import Tracer

NULL = "/generate/image/ringback/null"
UPSTREAM_MODEL = "bfl/flux-1-dev"
_ENDED_S = 20
_numbers = count()


class _StillClock(SystemClock):
    """The machine's time, in which nothing known grows old: a slow machine walks the same way."""

    def monotonic(self) -> float:
        """Return the same at every call."""
        return 0.0


class World:
    """A server whose loops stand still: each role acts when it is told to."""

    def __init__(self, app: App, client: httpx2.AsyncClient, tracer: Tracer) -> None:
        self.app = app
        self.client = client
        self.tracer = tracer

    async def submitted(self, path: str = NULL, *, webhook_url: str | None = None) -> str:
        """Submit a job that differs from all before; return its id."""
        number = next(_numbers)
        headers = {"x-webhook-url": webhook_url or f"https://shop.example/hook/{number}"}
        answer = await self.client.post(path, json={"prompt": f"fox {number}"}, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    async def run(self, job_id: str) -> None:
        """Have the worker claim the job and return when it has ended."""
        assert self.app.worker_role is not None
        ended = asyncio.Event()
        with self.app.resources.wakeups.ended.watch(job_id, ended.set):
            assert await self.app.worker_role.worker.run_once() == 1
            async with asyncio.timeout(_ENDED_S):
                await ended.wait()
        await settle()

    async def deliver(self) -> None:
        """Have the dispatcher send what is due and record it."""
        assert self.app.dispatcher_role is not None
        assert await self.app.dispatcher_role.dispatcher.run_once() == 1
        await self.app.dispatcher_role.dispatcher.settled()


@asynccontextmanager
async def _world(tracer: Tracer, profile: str, base_url: str = "") -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder, tracer.on():
        engine = {"type": "replicate", "base_url": base_url, "api_key": TOKEN, "poll_s": 0.02}
        upstream = {**engine, "models": {UPSTREAM_MODEL: "black-forest-labs/flux-dev"}}
        settings = Settings(
            profile=profile,  # type: ignore[arg-type]
            data=Path(folder),
            engines={UPSTREAM_MODEL: "studio", "studio": upstream} if base_url else {},
        )
        async with AsyncExitStack() as stack:
            store = await SqliteStore.open(settings.data)
            stack.push_async_callback(store.close)
            listener = stack.enter_context(listen("127.0.0.1", 0))
            address = listener.getsockname()[:2]
            app = App(settings, store, listening=address, clock=_StillClock())
            assert app.api is not None
            assert app.worker_role is not None
            assert app.dispatcher_role is not None
            for role in (app.worker_role, app.dispatcher_role):
                stack.push_async_callback(role.close)
            stack.callback(app.resources.fetcher.close)
            stack.callback(app.resources.upstreams.close)
            stack.callback(app.resources.resolver.close)
            _, token = await TokenService(store, app.keys, clock=app.resources.clock).create(
                "studio"
            )
            ready = asyncio.Event()
            server = http_server(app.api, on_ready=ready.set, grace_s=1)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await ready.wait()
            url = f"http://127.0.0.1:{address[1]}"
            bearer = {"authorization": f"Bearer {token}", "origin": url}
            async with httpx2.AsyncClient(base_url=url, headers=bearer, timeout=30) as client:
                await client.post("/ui/login", data={"token": token})
                yield World(app, client, tracer)
            server.should_exit = True
            await serving


async def submission() -> list[str]:
    """A submission, from its socket to its commit and answer."""
    async with _world(Tracer(), "serve") as world:
        await world.submitted()
        with world.tracer.walk() as files:
            await world.submitted()
    return files


async def run() -> list[str]:
    """A run on ``ringback/null``, from its claim to the committed end and the delivery owed."""
    async with _world(Tracer(), "serve") as world:
        await world.run(await world.submitted())
        job_id = await world.submitted()
        with world.tracer.walk() as files:
            await world.run(job_id)
    return files


async def delivery() -> list[str]:
    """A delivery, from its claim over its attempt to the record of that."""
    async with FakeReceiver() as receiver, _world(Tracer(), "dev") as world:
        for _ in range(2):
            await world.run(await world.submitted(webhook_url=receiver.url))
            with world.tracer.walk() as files:
                await world.deliver()
    return files


async def job_page() -> list[str]:
    """The page of a job that ended, with its delivery."""
    async with _world(Tracer(), "serve") as world:
        job_id = await world.submitted()
        await world.run(job_id)
        for _ in range(2):
            with world.tracer.walk() as files:
                answer = await world.client.get(f"/ui/jobs/{job_id}")
            assert answer.status_code == 200, answer.text
    return files


async def upload() -> list[str]:
    """A picture that is uploaded as a form, until it is an asset."""
    async with _world(Tracer(), "serve") as world:
        for colour in ("teal", "coral"):
            content = BytesIO()
            Image.new("RGB", (64, 64), colour).save(content, "PNG")
            file = {"file": ("dot.png", content.getvalue(), "image/png")}
            with world.tracer.walk() as files:
                answer = await world.client.post("/assets", files=file)
            assert answer.status_code == 200, answer.text
    return files


async def replicate_job() -> list[str]:
    """A job that Replicate makes, from its claim over its polls to its saved file and its end."""
    async with Replicate().serving() as provider, _world(Tracer(), "serve", provider.url) as world:
        for _ in range(2):
            job_id = await world.submitted(f"/generate/image/{UPSTREAM_MODEL}")
            with world.tracer.walk() as files:
                await world.run(job_id)
            answer = await world.client.get(f"/jobs/{job_id}")
            assert answer.json()["status"] == "completed", answer.text
    return files


WALKS: dict[str, Callable[[], Coroutine[Any, Any, list[str]]]] = {
    "submission": submission,
    "run": run,
    "delivery": delivery,
    "job_page": job_page,
    "upload": upload,
    "replicate_job": replicate_job,
}
