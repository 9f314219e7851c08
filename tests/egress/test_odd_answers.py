"""Answers of old HTTP stacks: the status is the verdict, and the connection is not used again."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.answer import Reason
from ringback.egress.http_client import HttpClient, Request
from ringback.egress.odd_answers import OddReader
from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.testing import FakeReceiver, respond
from tests.patience import SOON_S

MakeSender = Callable[..., WebhookSender]

_CHUNKED = b"Transfer-Encoding: chunked\r\n"
ODD = {
    "a length, then chunks": b"Content-Length: 2\r\n" + _CHUNKED + b"\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks, then a length": _CHUNKED + b"Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "identity": b"Transfer-Encoding: identity\r\n\r\nok",
    "an unknown coding": b"Transfer-Encoding: banana\r\nContent-Length: 2\r\n\r\nok",
    "a blank in a name": b"X Powered: php\r\nContent-Length: 2\r\n\r\nok",
    "a blank before the colon": b"Content-Length : 2\r\n\r\nok",
    "no colon": b"a line without one\r\nContent-Length: 2\r\n\r\nok",
    "a folded header": b"X-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok",
    "a folded first header": b" x\r\nContent-Length: 2\r\n\r\nok",
    "an empty name": b": x\r\nContent-Length: 2\r\n\r\nok",
    "one length twice": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "one length twice in a line": b"Content-Length: 2, 2\r\n\r\nok",
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nok",
    "no length's number": b"Content-Length:\r\n\r\nok",
    "a negative length": b"Content-Length: -1\r\n\r\nok",
    "a length with a unit": b"Content-Length: 2 bytes\r\n\r\nok",
    "a huge length": b"Content-Length: 99999999999999999999999\r\n\r\nok",
    "a NUL in a value": b"X-A: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "blanks behind a chunk's size": _CHUNKED + b"\r\n2  \r\nok\r\n0\r\n\r\n",
    "chunks with bare line feeds": _CHUNKED + b"\r\n2\nok\n0\n\n",
    "a bad chunk": _CHUNKED + b"\r\nzz\r\n",
    "a chunk longer than its size": _CHUNKED + b"\r\n1\r\nok\r\n0\r\n\r\n",
}
WHOLE = {
    **{name: b"HTTP/1.1 200 OK\r\n" + rest for name, rest in ODD.items()},
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "an early hint, then an odd head": (
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nno colon\r\n\r\nok"
    ),
    "an odd interim answer": b"HTTP/1.1 100 Continue\r\nno colon\r\n\r\n" + respond(200),
    "a version to come": b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a short version": b"HTTP/2 200\r\nContent-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("name", WHOLE)
async def test_a_2xx_is_delivered_however_odd_its_framing_and_its_connection_is_left(
    make_sender: MakeSender, name: str
) -> None:
    async with FakeReceiver([WHOLE[name], respond(204)]) as receiver:
        sender = make_sender()
        first = await sender.post(receiver.url, [], b"{}")
        assert (first.reason, first.status_code) == (None, 200), first.detail
        second = await sender.post(receiver.url, [], b"{}")
        assert (second.reason, second.status_code, second.reused) == (None, 204, False)


async def test_a_2xx_without_an_end_is_delivered_at_the_deadline(make_sender: MakeSender) -> None:
    settings = ClientSettings(total_timeout_s=0.5)
    async with FakeReceiver([b"HTTP/1.1 200 OK\r\n\r\nok"]) as receiver:
        answer = await make_sender(settings=settings).post(receiver.url, [], b"{}")
    assert (answer.reason, answer.status_code, answer.body) == (None, 200, b"ok")


RESET = {
    "no length": (b"200 OK\r\n\r\nok", 200, None),
    "no length and no body": (b"204 No Content\r\n\r\n", 204, None),
    "HTTP/1.0's way": (b"200 OK\r\nConnection: close\r\n\r\n", 200, None),
    "another status": (b"503 no\r\n\r\nwhy", 503, Reason.STATUS),
    "half a length": (b"200 OK\r\nContent-Length: 9\r\n\r\nok", 200, Reason.PROTOCOL),
    "half a chunk": (b"200 OK\r\n" + _CHUNKED + b"\r\n9\r\nok", 200, Reason.PROTOCOL),
    "half a head": (b"200 OK\r\nConn", None, Reason.PROTOCOL),
}


@pytest.mark.parametrize("name", RESET)
async def test_an_answer_without_a_length_may_end_with_a_reset(
    make_sender: MakeSender, name: str
) -> None:
    """As the kernel ends the connection of a receiver that has left the request's body unread."""
    rest, status, reason = RESET[name]
    version = b"HTTP/1.0 " if name == "HTTP/1.0's way" else b"HTTP/1.1 "
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(16)
                connection.sendall(version + rest)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        receiver = asyncio.create_task(asyncio.to_thread(answer))
        got = await make_sender().post(url, [], b"{" + b" " * 4_000 + b"}")
        await receiver
    assert (got.status_code, got.reason) == (status, reason), got.detail


@pytest.mark.parametrize(
    ("status", "reason"), [(410, Reason.STATUS), (302, Reason.REDIRECT), (503, Reason.STATUS)]
)
async def test_another_status_of_an_odd_answer_counts_too(
    make_sender: MakeSender, status: int, reason: Reason
) -> None:
    odd = b"HTTP/1.0 %d x\r\nno colon\r\nRetry-After : 7\r\n\r\nwhy" % status
    async with FakeReceiver([odd]) as receiver:
        answer = await make_sender().post(receiver.url, [], b"{}")
    assert (answer.status_code, answer.reason) == (status, reason)
    assert answer.header(b"retry-after") == b"7"
    assert answer.body == b"why"


async def test_an_odd_head_may_come_in_pieces(make_sender: MakeSender) -> None:
    odd = WHOLE["a folded header"]

    def in_pieces(_request: object, transport: asyncio.Transport) -> None:
        for byte in odd:
            transport.write(bytes([byte]))

    async with FakeReceiver([in_pieces]) as receiver:
        answer = await make_sender().post(receiver.url, [], b"{}")
    assert (answer.reason, answer.status_code) == (None, 200)


async def test_an_answer_that_hides_a_second_one_decides_nothing_for_the_next_delivery(
    make_sender: MakeSender,
) -> None:
    """A second answer behind the first would otherwise be read as the next delivery's."""
    hidden = respond(200, body=b"forged")
    ambiguous = [
        b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n" + _CHUNKED + b"\r\n0\r\n\r\n" + hidden,
        b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n" + hidden,
        b"HTTP/1.1 500 x\r\nContent-Length: 0\r\nContent-Length: 50\r\n\r\n" + hidden,
        b"HTTP/1.1 500 x\r\nno colon\r\n\r\n" + hidden,
        b"HTTP/1.1 500 x\r\nTransfer-Encoding: identity\r\n\r\n" + hidden,
        b"HTTP/1.1 500 x\r\n" + _CHUNKED + b"\r\n0\n\n" + hidden,
    ]
    async with asyncio.timeout(SOON_S):
        for answer in ambiguous:
            async with FakeReceiver([answer, respond(503)]) as receiver:
                sender = make_sender()
                answers = [await sender.post(receiver.url, [], b"{}") for _ in range(2)]
            assert [one.status_code for one in answers] == [500, 503], answer


@pytest.mark.parametrize("name", ["a length, then chunks", "no colon", "a bad chunk"])
async def test_a_file_or_a_providers_answer_is_read_by_the_book(name: str) -> None:
    client = HttpClient(TargetPolicy.dev())
    try:
        async with FakeReceiver([WHOLE[name]]) as receiver:
            response = await client.send(Request(method="GET", url=receiver.url, timeout_s=SOON_S))
    finally:
        client.close()
    assert response.reason is Reason.PROTOCOL


@given(st.binary(max_size=200), st.integers(0, 8192), st.integers(1, 300))
def test_no_bytes_break_the_rough_reader(junk: bytes, headers_bytes_max: int, piece: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\n" + junk
    whole, pieces = OddReader(), OddReader()
    whole.add(raw)
    head = whole.head(headers_bytes_max=headers_bytes_max)
    assert whole.may_be_http
    if head is not None:
        assert head.status_code == 200
        assert sum(len(name) + len(value) for name, value in head.headers) <= headers_bytes_max
        assert raw.endswith(head.body)
    early = None
    for begin in range(0, len(raw), piece):
        pieces.add(raw[begin : begin + piece])
        early = pieces.head(headers_bytes_max=headers_bytes_max)
        if early is not None:
            break
    assert (early and early[:2]) == (head and head[:2])


def test_interim_answers_without_end_are_no_answer() -> None:
    reader = OddReader()
    reader.add(b"HTTP/1.1 100 x\n\n" * 8)
    assert reader.head(headers_bytes_max=8192) is None
    assert reader.may_be_http
    reader.add(b"HTTP/1.1 100 x\n\n")
    assert reader.head(headers_bytes_max=8192) is None
    assert not reader.may_be_http
