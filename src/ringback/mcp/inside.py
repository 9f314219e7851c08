"""Requests to an ASGI application of this very process, whose answers come as they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message

_CHUNKS_MAX = 16  # an application that is not listened to waits


class InsideTransport(httpx2.AsyncBaseTransport):
    """Carries an HTTP client's requests to an application; unlike ``httpx2.ASGITransport`` it does
    not wait for the end of an answer, so event streams work."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer once it has begun."""
        exchange = _Exchange(await request.aread())
        exchange.task = asyncio.create_task(self._run(request, exchange))
        try:
            status, headers = await exchange.begun
        except BaseException:
            await exchange.aclose()
            raise
        return httpx2.Response(status, headers=headers, stream=exchange)

    async def _run(self, request: httpx2.Request, exchange: _Exchange) -> None:
        try:
            await self._app(_scope(request), exchange.receive, exchange.send)
        except Exception as exc:  # noqa: BLE001 - it is the other side's, as on a network
            exchange.fail(exc)
        await exchange.chunks.put(None)


class _Exchange(httpx2.AsyncByteStream):
    """One request and its answer."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._gone = asyncio.Event()
        self.begun: asyncio.Future[tuple[int, Any]] = asyncio.get_running_loop().create_future()
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_CHUNKS_MAX)
        self.task: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun.set_result((message["status"], list(message.get("headers", ()))))
        elif chunk := message.get("body", b""):
            await self.chunks.put(bytes(chunk))

    def fail(self, error: Exception) -> None:
        if not self.begun.done():
            self.begun.set_exception(httpx2.ReadError(f"{type(error).__name__}: {error}"))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self.chunks.get()) is not None:
            yield chunk

    async def aclose(self) -> None:
        self._gone.set()
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task


def _scope(request: httpx2.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
    }
