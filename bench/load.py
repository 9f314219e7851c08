"""A load on a server: many connections that post, closed loop or at a rate, and a receiver."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

from httptools import HttpRequestParser, HttpResponseParser


class _Poster(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._answered: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._parser = HttpResponseParser(self)
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionError("the server hung up"))

    def post(self, request: bytes) -> asyncio.Future[int]:
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answered


class Load:
    """So many connections to one server, all posting the same request."""

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self._host = host
        self._port = port
        self._request = request
        self._idle: asyncio.Queue[_Poster] = asyncio.Queue()
        self._connections: list[_Poster] = []
        self.latencies_s: list[float] = []
        self.refused_count = 0

    async def open(self, connections: int) -> None:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, poster = await loop.create_connection(_Poster, self._host, self._port)
            self._connections.append(poster)
            self._idle.put_nowait(poster)

    def close(self) -> None:
        """Close the connections."""
        for poster in self._connections:
            poster.transport.close()

    async def closed_loop(self, seconds: float) -> float:
        """Post on every connection as fast as it is answered; return accepted jobs per second."""
        end = time.perf_counter() + seconds

        async def work(poster: _Poster) -> None:
            while time.perf_counter() < end:
                await self._one(poster, self._request, time.perf_counter())

        started = time.perf_counter()
        await asyncio.gather(*(work(poster) for poster in self._connections))
        return len(self.latencies_s) / (time.perf_counter() - started)

    async def open_loop(self, per_second: float, seconds: float) -> None:
        """Post at a steady rate; a latency counts from when its request was due."""
        await self.post_each([self._request] * int(per_second * seconds), per_second)

    async def post_each(self, requests: Sequence[bytes], per_second: float) -> None:
        """Post these requests at a steady rate."""
        tasks = []
        started = time.perf_counter()
        for number, request in enumerate(requests):
            due = started + number / per_second
            delay = due - time.perf_counter()
            if delay > 0.0005:
                await asyncio.sleep(delay)  # noqa: TID251 - a load generator keeps real time
            poster = await self._idle.get()
            tasks.append(asyncio.create_task(self._borrowed(poster, request, due)))
        await asyncio.gather(*tasks)

    async def _borrowed(self, poster: _Poster, request: bytes, due: float) -> None:
        await self._one(poster, request, due)
        self._idle.put_nowait(poster)

    async def _one(self, poster: _Poster, request: bytes, since: float) -> None:
        status = await poster.post(request)
        if status == 200:
            self.latencies_s.append(time.perf_counter() - since)
        else:
            self.refused_count += 1


async def exchange(host: str, port: int, request: bytes) -> int:
    """Send one request on a connection of its own; return the answer's status."""
    _, poster = await asyncio.get_running_loop().create_connection(_Poster, host, port)
    try:
        return await poster.post(request)
    finally:
        poster.transport.close()


class Inbox:
    """A receiver that answers 204 at once and remembers when each job's webhook came."""

    def __init__(self) -> None:
        self.received_count = 0
        self.lags_s: list[float] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Receiving(self._take), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()

    async def wait_for(self, count: int, timeout_s: float) -> None:
        """Return once that many webhooks came; ``TimeoutError`` if they do not."""
        async with asyncio.timeout(timeout_s):
            while self.received_count < count:  # noqa: ASYNC110 - costs the receiver nothing
                await asyncio.sleep(0.01)  # noqa: TID251 - real time is what is measured

    def _take(self, body: bytes) -> None:
        now = time.time()  # noqa: TID251 - compared with the server's own time
        self.received_count += 1
        completed_at = datetime.fromisoformat(json.loads(body)["completed_at"])
        self.lags_s.append(now - completed_at.timestamp())


class _Receiving(asyncio.Protocol):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._parser = HttpRequestParser(self)
        self._body = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        self._take(self._body)
        self._body = b""


def a_request(
    host: str,
    port: int,
    path: str,
    body: bytes,
    *,
    token: str = "bench",
    content_type: str = "application/json",
    webhook_url: str | None = None,
) -> bytes:
    """Return the bytes of one POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}:{port}",
        f"Authorization: Bearer {token}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    ]
    if webhook_url is not None:
        lines.append(f"X-Webhook-URL: {webhook_url}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def a_submission(host: str, port: int, *, webhook_url: str | None, token: str = "bench") -> bytes:
    """Return the bytes of one submission of a job that does nothing."""
    body = json.dumps({"prompt": "a serene mountain landscape at sunset"}).encode()
    path = "/generate/image/ringback/null"
    return a_request(host, port, path, body, token=token, webhook_url=webhook_url)
