"""The server in one process of tests, built by the composition root; only time stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock
from ringback.egress.allow_lists import OF_INPUTS
from ringback.egress.data_uris import decode_data_url
from ringback.egress.fetcher import Download
from ringback.egress.policy import TargetPolicy
from ringback.errors import FetchError
from ringback.files.media.content import Facts
from ringback.files.media.process import strip_and_decode
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.server.app import App
from ringback.server.open_store import open_store
from ringback.service.assets import AssetService
from ringback.settings import Settings
from ringback.testing import FakeClock

BASE_URL = "http://127.0.0.1:7464"
FLUX = "/generate/image/bfl/flux-1-dev"
NULL = "/generate/image/ringback/null"
WEBHOOK_URL = "https://shop.example/webhook"

CATALOGUE = Catalogue.load()


@asynccontextmanager
async def a_server(
    directory: Path, *, clock: Clock, origins: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[App]:
    """Yield a server on a store of its own, in dev mode unless the settings say otherwise.

    None of its loops runs: a test takes their steps.
    """
    known = {"profile": "dev", "data": directory / "data"}
    chosen = Settings(**{**known, **settings})
    async with open_store(chosen, exclusive=True) as store:
        server = App(chosen, store, listening=None, clock=clock, rng=Random(5), origins=origins)
        yield server
        await server.close()


def beside(server: App, **settings: Any) -> App:
    """Return another process on the same store, whose settings differ."""
    resources = server.resources
    return App(
        msgspec.structs.replace(server.settings, **settings),
        server.store,
        listening=None,
        wakeups=resources.wakeups,
        clock=resources.clock,
        rng=Random(5),
    )


class World:
    """The API of a server, with the operations of its workers."""

    def __init__(self, server: App, clock: FakeClock) -> None:
        assert server.deps is not None
        resources = server.resources
        self.server = server
        self.clock = clock
        self.store = server.store
        self.settings = server.settings
        self.keys = server.keys
        self.service = server.service
        self.endpoints = server.endpoints
        self.listeners = server.listeners
        self.bulk_operations = server.maintenance.bulk_operations
        self.deliveries = server.deps.deliveries
        self.inbox = server.inbox
        self.artifacts = resources.artifacts
        self.incoming = resources.incoming
        self.behind: dict[str, bytes] = {}  # contents by URL
        self.assets = self.asset_service(self._download)
        self.deps = server.deps
        # Webhook URLs are checked as in a server, in every profile.
        self.serve_with(
            policy=TargetPolicy.server(),
            input_policy=replace(TargetPolicy.server(), remedies=OF_INPUTS),
            assets=self.assets,
        )

    def serve_with(self, **changes: Any) -> None:
        """Serve the API with other services from now on."""
        self.deps = replace(self.deps, **changes)
        self.app: ASGIApp = self.server.api_of(self.deps)

    def asset_service(self, download: Download) -> AssetService:
        """Return the service of assets, which downloads so and reads files in this process."""
        return self.server.resources.asset_service(download=download, sanitize=_sanitize)

    def client(self, token: str | None = "studio", base_url: str = BASE_URL) -> httpx2.AsyncClient:
        """Return a client of the API, in dev of the workspace that its token names."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = httpx2.ASGITransport(app=self._current_app)
        return httpx2.AsyncClient(transport=transport, base_url=base_url, headers=headers)

    async def submit(
        self, *, token: str = "studio", path: str = NULL, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Submit a job and return the answer's document."""
        async with self.client(token) as client:
            answer = await client.post(path, json={"prompt": "a fox"}, headers=headers or {})
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def claim(self) -> Job:
        """Take the longest-queued job and start it, as a worker does."""
        for engine in await self.store.queued_engines():
            (job,) = await self.service.claim(
                engine=engine, limit=1, worker_id="tester", lease_s=15
            )
            return await self.service.report(job, JobEvent.START, lease_s=15)
        raise AssertionError("no job is queued")

    async def complete(self) -> Job:
        """Take the longest-queued job and finish it."""
        return await self.service.finish(
            await self.claim(), result=JobResult(urls=(f"{BASE_URL}/artifacts/picture.png",))
        )

    async def _current_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    async def _download(self, url: str, path: Path, *, bytes_max: int, workspace_id: str) -> None:
        if url.startswith("data:"):
            await asyncio.to_thread(path.write_bytes, decode_data_url(url, bytes_max=bytes_max))
            return
        if url not in self.behind:
            raise FetchError("status", "answered 404")
        await asyncio.to_thread(path.write_bytes, self.behind[url])


async def _sanitize(path: Path, stripped: Path, *, workspace_id: str) -> Facts:
    """Do the work of the inspector's process here: to start one takes half a second."""
    return await asyncio.to_thread(strip_and_decode, path, stripped)


@asynccontextmanager
async def a_world(directory: Path, **settings: Any) -> AsyncIterator[World]:
    """Yield the API of a server in this directory, without the page."""
    clock = FakeClock()
    known = {"roles": ("api",), "dashboard": False, "active_max": 10_000, "backlog_max": 10_000}
    async with a_server(directory, clock=clock, **{**known, **settings}) as server:
        yield World(server, clock)
