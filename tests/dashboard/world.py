"""The page on the real API and a real store, and a browser without scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
from api.world import BASE_URL, World

from ringback.api.app import create_api
from ringback.api.parts import ApiParts
from ringback.dashboard.app import create_dashboard
from ringback.dashboard.deps import DashboardDeps
from ringback.inbox import Inbox
from ringback.service.tokens import TokenDesk
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore
from ringback.webhooks.sealing import Sealer

_KEY = re.compile(r'name="form_key" value="([^"]+)"')
OURS = {"sec-fetch-site": "same-origin", "origin": BASE_URL}


class PageWorld(World):
    """A world whose API has the page beside it."""

    def __init__(self, store: SqliteStore, directory: Path, settings: Settings) -> None:
        super().__init__(store, directory, settings)
        self.inbox = Inbox(self.keys, self.endpoints, self.clock) if settings.is_dev else None
        parts = ApiParts.of(self.deps)
        self.pages = DashboardDeps(
            api=self.deps,
            parts=parts,
            seals=Sealer([b"k" * 32]),
            tokens=TokenDesk(store, self.keys, clock=self.clock),
            inbox=self.inbox,
            origins={"port": "flag"},
        )
        self.app = create_api(replace(self.deps, pages=create_dashboard(self.pages)), parts)

    def browser(self, base_url: str = BASE_URL, **headers: str) -> Browser:
        """Return a browser that has not been here before."""
        transport = httpx2.ASGITransport(app=self.app)
        return Browser(
            httpx2.AsyncClient(
                transport=transport, base_url=base_url, headers={"accept": "text/html", **headers}
            )
        )


class Browser:
    """Keeps cookies, and sends forms as browsers do."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def see(self, path: str, *, status: int = 200) -> str:
        """Return a page's HTML."""
        answer = await self.http.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return str(answer.text)

    async def send(
        self,
        path: str,
        fields: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """Send a form from one of our pages."""
        if key is None:
            key = await self.form_key()
        sent = {**OURS, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = {"form_key": key, **(fields or {})}
        return await self.http.post(path, data=data, headers=sent)

    async def form_key(self) -> str:
        """Return what the forms of this session carry."""
        match = _KEY.search(await self.see("/ui/jobs"))
        assert match is not None
        return match[1]


@asynccontextmanager
async def a_page_world(directory: Path, **settings: Any) -> AsyncIterator[PageWorld]:
    """A world in this directory, in dev mode unless the settings say otherwise."""
    known = {"profile": "dev", "data": directory, "active_max": 10_000, "backlog_max": 10_000}
    store = await SqliteStore.open(directory / "data")
    try:
        world = PageWorld(store, directory, Settings(**{**known, **settings}))
        await world.keys.open_workspace("dev")
        yield world
    finally:
        await store.close()
