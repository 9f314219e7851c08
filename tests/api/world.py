"""The real API on a real store, for the tests of this folder."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from builders import PlainSeals
from starlette.types import ASGIApp

from ringback.api.app import ApiDeps, create_api
from ringback.artifacts.local import LocalArtifacts
from ringback.assets.incoming import Incoming
from ringback.catalogue.catalogue import Catalogue
from ringback.chores import ChoreRunner
from ringback.doorbell import Bells
from ringback.egress.fetch import decode_data_url
from ringback.egress.policy import TargetPolicy
from ringback.errors import FetchError
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.media.content import Facts
from ringback.media.process import keep
from ringback.service import Service
from ringback.service.apps import AppDesk
from ringback.service.assets import AssetDesk
from ringback.service.chores import ChoreDesk
from ringback.service.deliveries import DeliveryDesk
from ringback.service.endpoints import EndpointDesk
from ringback.service.feed import EventFeed
from ringback.service.listeners import ListenerDesk
from ringback.service.listening import Listening
from ringback.service.secrets import KeyDesk
from ringback.service.styles import StyleDesk
from ringback.service.usage import UsageDesk
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from ringback.webhooks.dispatcher import DispatchSettings
from ringback.webhooks.explanation import Caps
from ringback.webhooks.parcels import SignedPacker
from ringback.webhooks.signing import SigningBook

BASE_URL = "http://127.0.0.1:7464"
FLUX = "/generate/image/bfl/flux-1-dev"
NULL = "/generate/image/ringback/null"
HOOK = "https://shop.example/webhook"

CATALOGUE = Catalogue.load()


class World:
    """The real API on a real store; only time stands still."""

    def __init__(self, store: SqliteStore, directory: Path, settings: Settings) -> None:
        self.store = store
        self.clock = FakeClock()
        self.settings = settings
        self.broken_loops: Callable[[], Sequence[str]] = lambda: ()
        ids = Ids(self.clock.now_ms, random.Random(3).getrandbits)
        self.keys = KeyDesk(store, PlainSeals(), clock=self.clock, ids=ids)
        bells = Bells()
        self.service = Service(
            store,
            clock=self.clock,
            ids=ids,
            limits=Limits(active_max=settings.active_max, backlog_max=settings.backlog_max),
            bells=bells,
        )
        self.deliveries = DeliveryDesk(
            store,
            clock=self.clock,
            bells=bells,
            caps=Caps(concurrency=256, concurrency_per_destination=8),
        )
        self.chores = ChoreRunner(store, clock=self.clock, bells=bells)
        self.endpoints = EndpointDesk(
            store,
            store,
            self.keys,
            clock=self.clock,
            ids=ids,
            bells=bells,
            endpoints_max=settings.endpoints_max,
            overlap_s=settings.secret_overlap_s,
        )
        self.listeners = ListenerDesk(
            store,
            self.endpoints,
            SigningBook(store, store, unsealer=PlainSeals(), clock=self.clock),
            SignedPacker(self.clock),
            clock=self.clock,
            rng=random.Random(3),
            bells=bells,
            settings=DispatchSettings(),
        )
        self.artifacts = LocalArtifacts(directory / "artifacts")
        self.incoming = Incoming(directory / "uploads")
        self.room_for_work: Callable[[], None] = lambda: None
        self.behind: dict[str, bytes] = {}  # what is found at URLs
        self.assets = AssetDesk(
            store,
            artifacts=self.artifacts,
            incoming=self.incoming,
            take_in=self._take_in,
            fetch=self._fetch,
            clock=self.clock,
            ids=ids,
            bytes_max=settings.assets_bytes_max,
        )
        self.deps = ApiDeps(
            service=self.service,
            deliveries=self.deliveries,
            feed=EventFeed(store, self.service, clock=self.clock, bells=bells),
            endpoints=self.endpoints,
            listeners=self.listeners,
            listening=Listening(self.listeners, self.service, clock=self.clock, bells=bells),
            chores=ChoreDesk(store, clock=self.clock, ids=ids),
            usage=UsageDesk(store, clock=self.clock),
            catalogue=CATALOGUE,
            apps=AppDesk(store, CATALOGUE, clock=self.clock, ids=ids),
            policy=TargetPolicy.server(),
            artifacts=self.artifacts,
            assets=self.assets,
            styles=StyleDesk(store, artifacts=self.artifacts, engines=("sketch",)),
            incoming=self.incoming,
            room_for_work=lambda: self.room_for_work(),
            workspaces=store,
            keys=self.keys,
            settings=settings,
            clock=self.clock,
            broken_loops=lambda: self.broken_loops(),
        )
        self.app: ASGIApp = create_api(self.deps)

    def client(self, token: str | None = "studio", base_url: str = BASE_URL) -> httpx2.AsyncClient:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = httpx2.ASGITransport(app=self.app)
        return httpx2.AsyncClient(transport=transport, base_url=base_url, headers=headers)

    async def _take_in(self, path: Path, kept: Path) -> Facts:
        """Do what the inspector's process does, here: starting one takes half a second."""
        return await asyncio.to_thread(keep, path, kept)

    async def _fetch(self, url: str, *, bytes_max: int) -> bytes:
        if url.startswith("data:"):
            return decode_data_url(url, bytes_max=bytes_max)
        if url not in self.behind:
            raise FetchError("status", "answered 404")
        return self.behind[url]

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


@asynccontextmanager
async def a_world(directory: Path, **settings: Any) -> AsyncIterator[World]:
    """A world in this directory, in dev mode unless the settings say otherwise."""
    known = {"profile": "dev", "data": directory, "active_max": 10_000, "backlog_max": 10_000}
    store = await SqliteStore.open(directory / "data")
    try:
        yield World(store, directory, Settings(**{**known, **settings}))
    finally:
        await store.close()
