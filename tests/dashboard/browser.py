"""A server with its dashboard, and a browser without scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from ringback.testing import FakeClock
from tests.world import BASE_URL, World, a_server

_KEY = re.compile(r'name="form_key" value="([^"]+)"')
SAME_ORIGIN = {"sec-fetch-site": "same-origin", "origin": BASE_URL}


class PageWorld(World):
    """A server with its dashboard."""

    def browser(self, base_url: str = BASE_URL, **headers: str) -> Browser:
        """Return a browser without cookies."""
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
        response = await self.http.get(path)
        assert response.status_code == status, (
            f"{path}: {response.status_code} {response.text[:2000]}"
        )
        return str(response.text)

    async def send(
        self,
        path: str,
        fields: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """Submit a form as one of our pages does."""
        if key is None:
            key = await self.form_key()
        sent = {**SAME_ORIGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = {"form_key": key, **(fields or {})}
        return await self.http.post(path, data=data, headers=sent)

    async def form_key(self) -> str:
        """Return the form key of this session."""
        match = _KEY.search(await self.see("/ui/jobs"))
        assert match is not None
        return match[1]


@asynccontextmanager
async def a_page_world(directory: Path, **settings: Any) -> AsyncIterator[PageWorld]:
    """Yield a server in this directory, its workspace ``dev`` open."""
    clock = FakeClock()
    known = {"roles": ("api",), "active_max": 10_000, "backlog_max": 10_000}
    origins = {"port": "flag"}
    async with a_server(directory, clock=clock, origins=origins, **{**known, **settings}) as server:
        world = PageWorld(server, clock)
        await world.keys.open_workspace("dev")
        yield world
