"""A real HTTP server on loopback that answers by a script, also with broken HTTP."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET
from typing import cast

from httptools import HttpParserError, HttpRequestParser

from ringback.clock import Clock, SystemClock
from ringback.testing.clock import settle, wake


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """One request as it arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]  # names in lower case
    body: bytes
    at_ms: int

    def header(self, name: str) -> str | None:
        """Return the first value of a header, named in lower case."""
        return next((value for key, value in self.headers if key == name), None)


# A status, the raw bytes of an answer, or a function that acts on the connection.
Script = int | bytes | Callable[[ReceivedRequest, asyncio.Transport], None]


def respond(status: int, *, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """Return a whole answer with a content-length."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    length = "" if status == HTTPStatus.NO_CONTENT else f"content-length: {len(body)}\r\n"
    return f"HTTP/1.1 {status} {_phrase(status)}\r\n{lines}{length}\r\n".encode("latin-1") + body


def redirect(location: str, status: int = 302) -> bytes:
    """Return an answer that redirects to another location."""
    return respond(status, headers=[("location", location)])


def hang() -> Script:
    """Never answer."""
    return lambda _request, _transport: None


def close_after(data: bytes = b"") -> Script:
    """Send these bytes, then close the connection properly."""

    def act(_request: ReceivedRequest, transport: asyncio.Transport) -> None:
        transport.write(data)
        transport.close()

    return act


def half_close_after(data: bytes = b"") -> Script:
    """Send these bytes and close our half of the connection; the other half stays open."""

    def act(_request: ReceivedRequest, transport: asyncio.Transport) -> None:
        transport.write(data)
        transport.write_eof()

    return act


def reset(data: bytes = b"") -> Script:
    """Send these bytes and reset the connection.

    Without bytes, a sender that reused an idle connection sends again within the same attempt, as
    it may after such a reset: script two of them where the attempt has to fail.
    """

    def act(_request: ReceivedRequest, transport: asyncio.Transport) -> None:
        transport.write(data)
        no_linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, no_linger)
        transport.abort()

    return act


def drip(data: bytes, *, every_s: float = 0.02, chunk_bytes: int = 1) -> Script:
    """Send these bytes a few at a time."""

    def act(_request: ReceivedRequest, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()

        def send(offset: int) -> None:
            if transport.is_closing() or offset >= len(data):
                return
            transport.write(data[offset : offset + chunk_bytes])
            loop.call_later(every_s, send, offset + chunk_bytes)

        send(0)

    return act


def endless(first: bytes, again: bytes) -> Script:
    """Send the first bytes, then repeat the others until the connection closes."""

    def act(_request: ReceivedRequest, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        transport.write(first)

        def send() -> None:
            if transport.is_closing():
                return
            if transport.get_write_buffer_size() < 1 << 20:
                transport.write(again)
            loop.call_later(0.0005, send)

        send()

    return act


class FakeReceiver:
    """A real HTTP server on loopback that answers by a script and records its requests.

    The answers are given in order, over all connections; further requests get ``then``.
    """

    def __init__(
        self,
        answers: Iterable[Script] = (),
        *,
        then: Script = 200,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._answers = iter(answers)
        self._then = then
        self._ssl_context = ssl_context
        self._clock = clock or SystemClock()
        self._host = host
        self._server: asyncio.Server | None = None
        self._rendered: dict[int, bytes] = {}
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._connections: set[asyncio.Transport] = set()
        self._all_lost = asyncio.Event()
        self.requests: list[ReceivedRequest] = []
        self.connections_count = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Return the address to post to."""
        return self.url_at("/hook")

    def url_at(self, path: str, *, host: str | None = None) -> str:
        """Return the address of a path, by another name of this host if given."""
        scheme = "http" if self._ssl_context is None else "https"
        name = host or (f"[{self._host}]" if ":" in self._host else self._host)
        return f"{scheme}://{name}:{self.port}{path}"

    @property
    def requests_count(self) -> int:
        """Return how many requests have arrived."""
        return len(self.requests)

    async def wait_for(self, requests_count: int, timeout_s: float = 5.0) -> list[ReceivedRequest]:
        """Return the requests once that many have arrived; ``TimeoutError`` if they do not."""
        if len(self.requests) < requests_count:
            arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((requests_count, arrived))
            async with asyncio.timeout(timeout_s):
                await arrived
        return self.requests

    def drop_connections(self) -> None:
        """Close every open connection, as a receiver does when it restarts."""
        for transport in list(self._connections):
            transport.close()

    async def __aenter__(self) -> FakeReceiver:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _ReceiverConnection(self), self._host, self.port, ssl=self._ssl_context
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        # Python 3.11 leaves a connection open that it accepts while its server is closed: accepting
        # ends first, and the connections that were just accepted get their transports.
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        await settle()
        self._server.close()
        for transport in list(self._connections):
            transport.abort()
        while self._connections:
            self._all_lost.clear()
            await self._all_lost.wait()
        await self._server.wait_closed()

    def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
        self.requests.append(request)
        if self._waiters:
            for requests_count, arrived in self._waiters:
                if len(self.requests) >= requests_count:
                    wake(arrived)
            self._waiters = [waiter for waiter in self._waiters if not waiter[1].done()]
        script = next(self._answers, self._then)
        if isinstance(script, int):
            rendered = self._rendered.get(script)
            if rendered is None:
                rendered = self._rendered[script] = respond(script)
            transport.write(rendered)
        elif isinstance(script, bytes):
            transport.write(script)
        else:
            script(request, transport)

    def _now_ms(self) -> int:
        return self._clock.now_ms()


class _ReceiverConnection(asyncio.Protocol):
    """Parses requests and has the receiver answer them."""

    def __init__(self, receiver: FakeReceiver) -> None:
        self._receiver = receiver
        self._parser = HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._path = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._receiver._connections.add(self._transport)
        self._receiver.connections_count += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver._connections.discard(self._transport)
        if not self._receiver._connections:
            self._receiver._all_lost.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._transport.abort()

    def on_message_begin(self) -> None:
        self._begin()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        request = ReceivedRequest(
            method=self._parser.get_method().decode("ascii"),
            path=self._path.decode("latin-1"),
            headers=self._headers,
            body=b"".join(self._body),
            at_ms=self._receiver._now_ms(),
        )
        self._receiver._answer(request, self._transport)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
