"""HTTP/1.1 as clients have it, over sockets: requests, refusals, and answers that arrive."""

from __future__ import annotations

import asyncio
import json
import re
import select
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ringback.http.protocol import HEAD_BYTES_MAX, BoundedProtocol
from ringback.http.time_limits import TimeLimits
from tests.patience import SOON_S

Address = tuple[str, int]
HASTY_S = 0.2  # a limit that a test waits for


class HastyForHeads(BoundedProtocol):
    time_limits = TimeLimits(head_s=HASTY_S)


class HastyForPauses(BoundedProtocol):
    time_limits = TimeLimits(idle_s=HASTY_S)


class HastyForBodies(BoundedProtocol):
    time_limits = TimeLimits(body_s=HASTY_S)


class HastyForTheLeft(BoundedProtocol):
    time_limits = TimeLimits(half_closed_s=HASTY_S)


has_ended = asyncio.Event()  # a client of ``TellsTheEnd`` has ended its sending


class TellsTheEnd(BoundedProtocol):
    def eof_received(self) -> bool:  # type: ignore[override]
        is_answered = super().eof_received()
        has_ended.set()
        return is_answered


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the size of the body; at ``/early`` unread, at ``/parts`` in three parts.

    At ``/late`` the client ends its sending first, and at ``/never`` it leaves first.
    """
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    if scope["path"] == "/late":
        await has_ended.wait()
    if scope["path"] == "/never":
        assert (await receive())["type"] == "http.disconnect"
        return
    status = 413 if scope["path"] == "/early" else 200
    body = b"%d" % size
    headers = [(b"content-length", b"%d" % len(body))]
    parts = [body]
    if scope["path"] == "/parts":
        headers, parts = [], [b"one ", b"two ", b"three"]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def served(
    protocol: type[BoundedProtocol] = BoundedProtocol, *, keep_alive_s: int = 75
) -> AsyncIterator[Address]:
    """Serve the application, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, http=protocol, ws="none", lifespan="off", timeout_keep_alive=keep_alive_s
        )
        server = uvicorn.Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        try:
            yield listener.getsockname()
        finally:
            await server.shutdown(sockets=[listener])


async def exchange(address: Address, *pieces: bytes) -> bytes:
    """Send the pieces one by one, and return all that is received until the end."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(SOON_S):
            return await reader.read()
    finally:
        writer.close()


def read_error(answer: bytes) -> dict[str, str]:
    """Return an answer's document, which must be an error of the contract."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head
    document: dict[str, str] = json.loads(body)
    assert set(document) == {"error", "message", "code"}
    return document


# ---- Heads


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nhost: a\r\nx-a: %b", b"GET /%b"], ids=["header", "url"]
)
async def test_a_head_that_does_not_end_is_refused(head: bytes) -> None:
    async with served() as address:
        answer = await exchange(address, head % (b"a" * (HEAD_BYTES_MAX + 1)))
    assert answer.startswith(b"HTTP/1.1 4")
    assert read_error(answer)["error"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost\x00: b\r\n\r\n",
    ],
    ids=["TLS", "HTTP/2", "CONNECT", "NUL"],
)
async def test_what_is_not_http_1_is_refused_in_the_contracts_shape(sent: bytes) -> None:
    async with served() as address:
        answer = await exchange(address, sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert read_error(answer)["code"] == "bad_request"


async def test_a_large_body_is_no_head() -> None:
    size = 4 * HEAD_BYTES_MAX
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    async with served() as address:
        answer = await exchange(address, head % size + b"x" * size)
    assert answer.endswith(b"\r\n\r\n%d" % size)


async def test_a_connection_serves_many_requests_with_blank_lines_between_them() -> None:
    async with served() as address:
        reader, writer = await asyncio.open_connection(*address)
        with closing(writer):
            for _ in range(3):
                writer.write(b"\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n")
                assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(1) == b"0"


# ---- Offers of other protocols (RFC 9110, section 7.8)

OFFERS = {
    "JDK": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEA\r\n",
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/2.0\r\n",
    "a proxy": b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    "two headers": b"Upgrade: h2c\r\nConnection: keep-alive\r\nConnection: upgrade\r\n",
    "anything": b"connection:upgrade\r\nupgrade:  teapot/418\r\n",
}
BODIES = {
    "no body": (b"", b"", 0),
    "a length": (b"content-length: 5\r\n", b"hello", 5),
    "chunks": (b"transfer-encoding: chunked\r\n", b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 5),
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS.keys())
@pytest.mark.parametrize("framed", BODIES.values(), ids=BODIES.keys())
async def test_an_offer_of_another_protocol_is_ignored_and_the_body_kept(
    offer: bytes, framed: tuple[bytes, bytes, int]
) -> None:
    header, body, size = framed
    first = b"POST /%%61?b=c HTTP/1.1\r\nhost: a\r\n%b%b\r\n%b" % (offer, header, body)
    last = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    async with served() as address:
        whole = await exchange(address, first + first + last)
        apart = await exchange(address, *(bytes([one]) for one in first), last)
    assert whole.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert apart.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert whole.count(b"\r\n\r\n%d" % size) >= 2
    assert b"\r\n\r\n%d" % size in apart


async def test_an_offer_does_not_hide_a_request_from_the_limits() -> None:
    offer = OFFERS["JDK"]
    large = b"POST / HTTP/1.1\r\nhost: a\r\n%bx-a: %b" % (offer, b"a" * (HEAD_BYTES_MAX + 1))
    two = b"POST / HTTP/1.1\r\nhost: a\r\n%bcontent-length: 1\r\ncontent-length: 2\r\n\r\n" % offer
    async with served() as address:
        assert (await exchange(address, large)).startswith(b"HTTP/1.1 4")
        assert (await exchange(address, two)).startswith(b"HTTP/1.1 400 ")


# ---- Clients that end their sending (RFC 9112, section 9.6)

GET = b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n"
POSTED = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
ENDED = {
    "GET": (GET % b"/", [b"200 OK"]),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", [b"200 OK"]),
    "POST": (POSTED, [b"200 OK"]),
    "chunks": (
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n\r\n",
        [b"200 OK"],
    ),
    "an offer": (b"POST / HTTP/1.1\r\nhost: a\r\n" + OFFERS["JDK"] + b"\r\n", [b"200 OK"]),
    "many": (POSTED * 3, [b"200 OK"] * 3),
    "one and a half": (POSTED + b"GET / HT", [b"200 OK"]),
    "a late answer": (GET % b"/late", [b"200 OK"]),
    "in parts": (GET % b"/parts", [b"200 OK"]),
    "half a body": (POSTED[:-2], [b"400 Bad Request"]),
    "half a chunk": (
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhe",
        [b"400 Bad Request"],
    ),
    "half a head": (b"GET / HTTP/1.1\r\nho", []),
    "nothing": (b"", []),
}


async def ended(address: Address, sent: bytes) -> bytes:
    """Send, end the sending, and return all that is received until the end."""
    reader, writer = await asyncio.open_connection(*address)
    with closing(writer):
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(SOON_S):
            return await reader.read()


@pytest.mark.parametrize("name", ENDED)
async def test_a_client_that_has_ended_its_sending_is_answered_and_left(name: str) -> None:
    sent, statuses = ENDED[name]
    async with served(TellsTheEnd) as address:
        answer = await ended(address, sent)
    assert re.findall(rb"HTTP/1\.[01] ([0-9]{3} [A-Za-z ]+)\r\n", answer) == statuses
    if statuses == [b"400 Bad Request"]:
        assert read_error(answer)["error"] == "The request ended before its body was whole."


async def test_a_client_that_left_while_it_waited_is_given_up() -> None:
    async with served(HastyForTheLeft) as address:
        assert await ended(address, GET % b"/never") == b""


# ---- Time

HEAD = b"POST / HTTP/1.1\r\nhost: a\r\n"
SLOW = {
    "half a head": (HastyForHeads, HEAD),
    "half a body": (HastyForPauses, HEAD + b"content-length: 5\r\n\r\nhe"),
    "half a chunk": (HastyForPauses, HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nh"),
    "too long in all": (HastyForBodies, HEAD + b"content-length: 5\r\n\r\nhe"),
    "after an offer": (HastyForPauses, HEAD + OFFERS["TLS"] + b"content-length: 5\r\n\r\nhe"),
    "a second one": (HastyForHeads, HEAD + b"content-length: 2\r\n\r\nheGET / "),
}


@pytest.mark.parametrize(("protocol", "sent"), SLOW.values(), ids=SLOW.keys())
async def test_a_request_that_does_not_come_whole_is_answered_408(
    protocol: type[BoundedProtocol], sent: bytes
) -> None:
    async with served(protocol) as address:
        answer = await exchange(address, sent)
    _, status, last = answer.rpartition(b"HTTP/1.1 408 Request Timeout\r\n")
    assert status
    assert read_error(last)["code"] == "request_too_slow"


async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    async with served(keep_alive_s=0) as address:
        assert await exchange(address) == b""


class BriefAfterAnswers(BoundedProtocol):
    def on_response_complete(self) -> None:
        self.timeout_keep_alive = 0
        super().on_response_complete()


@pytest.mark.parametrize("after", [b"", b"\r\n"], ids=["nothing", "a blank"])
async def test_an_idle_connection_is_closed_after_its_time(after: bytes) -> None:
    async with served(BriefAfterAnswers) as address:
        answer = await exchange(address, HEAD + b"\r\n" + after)
    assert answer.endswith(b"\r\n\r\n0")


async def test_the_time_of_the_head_is_not_that_of_the_connection_or_of_the_body() -> None:
    async with served(HastyForHeads) as address:
        silent_reader, silent = await asyncio.open_connection(*address)
        half_reader, half = await asyncio.open_connection(*address)
        with closing(silent), closing(half):
            half.write(HEAD + b"expect: 100-continue\r\ncontent-length: 5\r\n\r\n")
            assert b"100 Continue" in await half_reader.readuntil(b"\r\n\r\n")
            assert b"408" in await exchange(address, HEAD)  # both are older than this one
            half.write(b"hello")
            assert b"200 OK" in await half_reader.readuntil(b"\r\n\r\n")
            silent.write(HEAD + b"\r\n")
            assert b"200 OK" in await silent_reader.readuntil(b"\r\n\r\n")


# ---- Answers before the request has come

EARLY = {
    "refused by a route": b"POST /early HTTP/1.1\r\nhost: a\r\nconnection: close\r\n",
    "HTTP/1.0": b"POST /early HTTP/1.0\r\n",
    "refused by the parser": b"POST / HTTP/1.1\r\nhost: a\r\nbad header\r\n",
    "too large a head": b"POST / HTTP/1.1\r\nhost: a\r\nx-a: %b\r\n"
    % (b"a" * (16 * HEAD_BYTES_MAX)),
    "kept open": b"POST /early HTTP/1.1\r\nhost: a\r\n",
}


@pytest.mark.parametrize("head", EARLY.values(), ids=EARLY.keys())
async def test_an_early_answer_reaches_a_client_that_sends_all_before_it_reads(head: bytes) -> None:
    size = 8 << 20

    def talk(address: Address) -> bytes:
        with socket.create_connection(address, timeout=SOON_S) as sock:
            sock.sendall(head + b"content-length: %d\r\n\r\n" % size + bytes(size // 2))
            select.select([sock], [], [], SOON_S)  # it has been answered
            sock.sendall(bytes(size - size // 2))
            return sock.recv(65_536)

    async with served() as address:
        answer = await asyncio.to_thread(talk, address)
    assert answer.startswith(b"HTTP/1.1 4")


async def test_urllib_reads_an_early_refusal_of_a_body_of_any_size() -> None:
    def post(address: Address, size: int) -> int:
        url = f"http://{address[0]}:{address[1]}/early"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            direct.open(url, data=bytes(size), timeout=SOON_S)
        except urllib.error.HTTPError as refusal:
            with closing(refusal):
                return refusal.code
        return 0

    async with served() as address:
        sizes = (1, 1_300_000, 3_000_000, 20_000_000)
        assert [await asyncio.to_thread(post, address, size) for size in sizes] == [413] * 4


class HastyAfterRefusals(BoundedProtocol):
    time_limits = TimeLimits(refused_idle_s=HASTY_S, refused_s=HASTY_S)


@pytest.mark.parametrize(
    ("protocol", "sent"),
    [
        (HastyAfterRefusals, b"nonsense\r\n\r\n"),
        (HastyForPauses, EARLY["refused by a route"] + b"content-length: 5\r\n\r\n"),
        (HastyForPauses, EARLY["kept open"] + b"content-length: 5\r\n\r\n"),
    ],
    ids=["of nonsense", "closed", "kept open"],
)
async def test_the_rest_of_a_refused_request_is_not_waited_for_without_an_end(
    protocol: type[BoundedProtocol], sent: bytes
) -> None:
    def talk(address: Address) -> None:
        with socket.create_connection(address, timeout=SOON_S) as sock:
            sock.sendall(sent)
            while sock.recv(65_536):
                pass
            while True:  # a client that only sends is cut off
                sock.sendall(bytes(65_536))

    async with served(protocol) as address:
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(talk, address)


# ---- HTTP/1.0


@pytest.mark.parametrize("more", [b"", b"connection: keep-alive\r\n", b"expect: 100-continue\r\n"])
async def test_a_client_of_http_1_0_gets_no_chunks(more: bytes) -> None:
    head = b"POST /parts HTTP/1.0\r\ncontent-length: 2\r\n%b\r\nhe" % more
    async with served() as address:
        answer = await exchange(address, head)
    header, _, body = answer.partition(b"\r\n\r\n")
    assert header.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"transfer-encoding" not in header
    assert header.count(b"connection: ") == 1
    assert body == b"one two three"


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_a_client_of_http_1_0_is_told_the_length_where_it_is_known(method: bytes) -> None:
    async with served() as address:
        answer = await exchange(address, method + b" / HTTP/1.0\r\n\r\n")
    header, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: 1" in header
    assert body == (b"0" if method == b"GET" else b"")
