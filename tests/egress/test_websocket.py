"""Listening to a server of the operator's: judged, bounded, and over when the connection is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from ringback.egress.answer import Reason
from ringback.egress.dial import DialError
from ringback.egress.http_client import HttpClient
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import parse_proxy
from ringback.egress.transport import ClientSettings
from ringback.testing import FakeResolver, redirect, respond
from tests.egress.conftest import TLS
from tests.egress.proxy import FakeProxy

MESSAGE_BYTES_MAX = 65_536


@pytest.fixture
async def http_client() -> AsyncIterator[HttpClient]:
    """A caller of what the operator names."""
    http_client = HttpClient(TargetPolicy.operator())
    yield http_client
    http_client.close()


@asynccontextmanager
async def a_server(
    script: Callable[[ServerConnection], Awaitable[None]], **settings: Any
) -> AsyncIterator[int]:
    """Serve a WebSocket on loopback that does what a script says; yields its port."""
    async with serve(script, "127.0.0.1", 0, **settings) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def heard(http_client: HttpClient, url: str, **changes: Any) -> list[str | bytes]:
    """Return all that a server says until the connection is over."""
    options = {"message_bytes_max": MESSAGE_BYTES_MAX, "open_timeout_s": 5.0, **changes}
    async with asyncio.timeout(10), http_client.listening(url, **options) as messages:
        return [message async for message in messages]


async def test_messages_come_in_their_order_until_the_server_closes(
    http_client: HttpClient,
) -> None:
    requests: list[Any] = []

    async def script(connection: ServerConnection) -> None:
        requests.append(connection.request)
        await connection.send("one")
        await connection.send(b"two")

    async with a_server(script) as port:
        url = f"http://127.0.0.1:{port}/ws?clientId=a%20b"
        messages = await heard(http_client, url, headers=(("authorization", "Bearer k"),))
    assert messages == ["one", b"two"]
    (request,) = requests
    assert request.path == "/ws?clientId=a%20b"
    assert request.headers["authorization"] == "Bearer k"
    assert request.headers["user-agent"] == "Ringback"
    assert "sec-websocket-extensions" not in request.headers
    assert "origin" not in request.headers


@pytest.mark.parametrize("message", ["x" * (MESSAGE_BYTES_MAX + 1), bytes(MESSAGE_BYTES_MAX + 1)])
async def test_a_message_that_is_too_large_is_the_end(
    http_client: HttpClient, message: str | bytes
) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("one")
        await connection.send(message)
        await connection.wait_closed()

    async with a_server(script, compression=None) as port:
        assert await heard(http_client, f"http://127.0.0.1:{port}/") == ["one"]


async def test_a_connection_that_breaks_is_the_end(http_client: HttpClient) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("one")
        connection.transport.abort()

    async with a_server(script) as port:
        assert await heard(http_client, f"http://127.0.0.1:{port}/") == ["one"]


async def test_whoever_stops_listening_is_gone(http_client: HttpClient) -> None:
    gone = asyncio.Event()

    async def script(connection: ServerConnection) -> None:
        await connection.wait_closed()
        gone.set()

    async with a_server(script) as port, asyncio.timeout(10):
        url = f"http://127.0.0.1:{port}/"
        async with http_client.listening(url, message_bytes_max=MESSAGE_BYTES_MAX):
            pass
        await gone.wait()


@asynccontextmanager
async def an_http_server(
    answer: bytes, *, closes: bool = True
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answer each connection with these bytes; yield the port and the heads received."""
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if not closes:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(script, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


@pytest.mark.parametrize(
    "answer",
    [
        respond(200, body=b"{}"),
        respond(403),
        respond(101, headers=[("upgrade", "websocket"), ("connection", "upgrade")]),
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000,
        b"",
    ],
)
async def test_what_is_no_websocket_is_an_error(http_client: HttpClient, answer: bytes) -> None:
    async with an_http_server(answer) as (port, heads):
        with pytest.raises(DialError) as failed:
            await heard(http_client, f"http://127.0.0.1:{port}/")
        assert len(heads) == 1
    assert failed.value.reason == Reason.PROTOCOL


async def test_a_server_that_says_nothing_is_not_waited_for_long(http_client: HttpClient) -> None:
    async with an_http_server(b"", closes=False) as (port, heads):
        with pytest.raises(DialError) as failed:
            await heard(http_client, f"http://127.0.0.1:{port}/", open_timeout_s=0.3)
        assert len(heads) == 1
    assert failed.value.reason == Reason.TIMEOUT


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(http_client: HttpClient, status: int) -> None:
    async with an_http_server(respond(200)) as (other, asked_there):
        there = redirect(f"http://127.0.0.1:{other}/", status)
        async with an_http_server(there) as (port, asked_here):
            with pytest.raises(DialError) as failed:
                await heard(http_client, f"http://127.0.0.1:{port}/")
    assert failed.value.reason == Reason.PROTOCOL
    assert (len(asked_here), len(asked_there)) == (1, 0)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/ws", Reason.BLOCKED_TARGET),
        ("ws://127.0.0.1/", Reason.BLOCKED_TARGET),
        ("http://127.0.0.1:1/", Reason.CONNECT),
        ("https://127.0.0.1:1/", Reason.CONNECT),
    ],
)
async def test_an_address_is_checked_before_it_is_dialled(
    http_client: HttpClient, url: str, reason: Reason
) -> None:
    with pytest.raises(DialError) as failed:
        await heard(http_client, url)
    assert failed.value.reason == reason


async def test_the_policy_of_strangers_holds_for_sockets_too() -> None:
    async with an_http_server(respond(200)) as (port, heads):
        http_client = HttpClient(TargetPolicy.server(allow_http=True))
        with pytest.raises(DialError) as failed:
            await heard(http_client, f"http://127.0.0.1:{port}/")
        http_client.close()
    assert failed.value.reason == Reason.BLOCKED_TARGET
    assert heads == []


@pytest.mark.parametrize(("host", "is_trusted"), [("receiver.test", True), ("other.test", False)])
async def test_with_tls_the_certificate_must_be_the_hosts(host: str, is_trusted: bool) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("one")

    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(TLS / "receiver.pem", TLS / "receiver.key")
    http_client = HttpClient(
        TargetPolicy.operator(),
        resolver=FakeResolver({host: ["127.0.0.1"]}),
        ssl_context=ssl.create_default_context(cafile=TLS / "authority.pem"),
    )
    async with a_server(script, ssl=serving) as port:
        url = f"https://{host}:{port}/ws"
        if is_trusted:
            assert await heard(http_client, url) == ["one"]
        else:
            with pytest.raises(DialError) as failed:
                await heard(http_client, url)
            assert failed.value.reason == Reason.TLS
    http_client.close()


async def test_with_a_proxy_the_socket_goes_through_it() -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("one")

    async with a_server(script) as port, FakeProxy(port) as proxy:
        http_client = HttpClient(
            TargetPolicy.operator(), settings=ClientSettings(egress_proxy=parse_proxy(proxy.url))
        )
        assert await heard(http_client, "http://comfy.example:8188/ws") == ["one"]
        http_client.close()
        (request,) = proxy.requests
        assert request[0] == "CONNECT comfy.example:8188 HTTP/1.1"
