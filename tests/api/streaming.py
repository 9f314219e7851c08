"""Streams of server-sent events, held open by a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.world import World


class Stream:
    """An open stream: its chunks so far, and a way to disconnect."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.has_ended = False
        self.left = asyncio.Event()
        self._came = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message["body"].decode()
            self.has_ended = not message.get("more_body", False)
        self._came.set()

    async def until(self, text: str) -> None:
        """Return once that text has come."""
        while text not in self.text:
            self._came.clear()
            await self._came.wait()

    async def until_count(self, text: str, count: int) -> None:
        """Return once that text has come so many times."""
        while self.text.count(text) < count:
            self._came.clear()
            await self._came.wait()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The documents that have come."""
        lines = self.text.splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


@asynccontextmanager
async def streaming(
    world: World, query: str = "", *, path: str = "/events", method: str = "GET", **headers: str
) -> AsyncIterator[tuple[Stream, asyncio.Task[None]]]:
    """Open a stream for the time of the context."""
    stream = Stream()
    known = {"accept": "text/event-stream", "authorization": "Bearer studio", **headers}
    scope = {
        "type": "http",
        "scheme": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (b"host", b"127.0.0.1:7464"),
            *((name.replace("_", "-").encode(), value.encode()) for name, value in known.items()),
        ],
    }
    task = asyncio.ensure_future(world.app(scope, stream.receive, stream.send))
    try:
        yield stream, task
    finally:
        stream.left.set()
        await task
