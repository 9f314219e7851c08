"""The sender against receivers that mean harm: every attempt ends in time, and in bounds."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from ringback.egress.answer import Answer, Reason
from ringback.egress.policy import TargetPolicy
from ringback.egress.pool import PoolSettings
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.testing import (
    FakeClock,
    FakeReceiver,
    FakeResolver,
    Script,
    drip,
    endless,
    half_close_after,
    hang,
    reset,
    respond,
)
from tests.egress import hostile
from tests.egress.hostile import OK, receivers
from tests.patience import SOON_S

MakeSender = Callable[..., WebhookSender]

DEADLINE = ClientSettings(total_timeout_s=0.5)
LENGTH_99999 = OK + b"content-length: 99999\r\n\r\n"
LENGTH_9 = OK + b"content-length: 9\r\n\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
ATTEMPTS = 1_000
GROWTH_BYTES_MAX = 8 << 20


async def answer_of(make_sender: MakeSender, script: Script) -> Answer:
    async with FakeReceiver([script]) as receiver:
        return await make_sender(settings=DEADLINE).post(receiver.url, [], b"{}")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hang(), id="never answers"),
        pytest.param(drip(OK + b"x: y\r\n" * 1000), id="drips headers"),
        pytest.param(drip(LENGTH_99999 + b"x" * 99_999, chunk_bytes=45), id="drips body"),
        pytest.param(half_close_after(), id="closes its half and says nothing"),
        pytest.param(LENGTH_9 + b"0123", id="stops in the body"),
        pytest.param(CHUNKED + b"ffff\r\nx", id="stops in a chunk"),
    ],
)
async def test_what_does_not_end_is_ended_at_the_deadline(
    make_sender: MakeSender, script: Script
) -> None:
    async with asyncio.timeout(SOON_S):
        answer = await answer_of(make_sender, script)
    assert answer.reason in (Reason.TIMEOUT, Reason.PROTOCOL)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"\x00\x01\x02\xff" * 100, id="garbage"),
        pytest.param(b"\r\n" * 40_000, id="line ends"),
        pytest.param(
            half_close_after(b"HTTP/1.1 200 OK\r\nbad header\r\n"), id="an odd head without an end"
        ),
        pytest.param(b"HTTP/1.1 99999 OK\r\n\r\n", id="a status of five digits"),
        pytest.param(OK + b"x: " + b"y" * 80_000, id="one huge header"),
        pytest.param(OK + b"x: y\r\n" * 20_000 + b"\r\n", id="many headers"),
        pytest.param(endless(OK, b"x: y\r\n" * 1000), id="endless headers"),
        pytest.param(endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), id="endless 103s"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + respond(200), id="nine interims"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nzzz",
            id="another protocol, politely",
        ),
        pytest.param(reset(), id="resets at once"),
        pytest.param(reset(LENGTH_9 + b"0123"), id="resets in the body"),
    ],
)
async def test_what_is_not_a_whole_http_answer_is_a_protocol_failure(
    make_sender: MakeSender, script: Script
) -> None:
    answer = await answer_of(make_sender, script)
    assert answer.reason is Reason.PROTOCOL, answer.detail
    assert sum(len(name) + len(value) for name, value in answer.headers) <= 70_000


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(endless(OK + b"\r\n", b"x" * 10_000), id="endless body"),
        pytest.param(endless(CHUNKED, b"5\r\nhello\r\n" * 1000), id="endless chunks"),
        pytest.param(respond(200, body=b"x" * 300_000), id="announced"),
    ],
)
async def test_an_answer_is_read_to_64_kib_and_its_status_is_the_verdict(
    make_sender: MakeSender, script: Script
) -> None:
    answer = await answer_of(make_sender, script)
    assert answer.status_code == 200
    assert answer.reason is None
    assert answer.truncated
    assert len(answer.body) == 16_384


async def test_all_that_is_read_of_an_answer_is_64_kib(make_sender: MakeSender) -> None:
    filler = b"x: " + b"y" * 29_997 + b"\r\n"
    interim = b"HTTP/1.1 103 Early Hints\r\n" + filler + b"\r\n"
    whole = await answer_of(make_sender, interim + respond(200, body=b"z" * 30_000))
    assert (whole.truncated, len(whole.body)) == (False, 16_384)
    longer = await answer_of(make_sender, interim + respond(200, body=b"z" * 40_000))
    assert longer.truncated
    in_the_head = await answer_of(make_sender, interim * 2 + OK + filler + b"\r\n")
    assert in_the_head.reason is Reason.PROTOCOL


async def test_a_receiver_that_answers_unread_posts_fills_no_memory(
    make_sender: MakeSender,
) -> None:
    body = b"x" * 16_000_000  # more than the sockets' buffers take
    opened: list[asyncio.Transport] = []

    class AnswersAtOnce(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = cast("asyncio.Transport", transport)
            opened.append(self._transport)

        def data_received(self, data: bytes) -> None:
            self._transport.pause_reading()
            self._transport.write(respond(200))

    server = await asyncio.get_running_loop().create_server(AnswersAtOnce, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        sender = make_sender(settings=ClientSettings(total_timeout_s=SOON_S))
        first, second = [await sender.post(url, [], body) for _ in range(2)]
        for transport in opened:
            transport.abort()
    assert (first.status_code, second.status_code) == (200, 200)
    assert not second.reused


async def test_chunk_extensions_are_counted_too(make_sender: MakeSender) -> None:
    script = endless(CHUNKED, (b"1;" + b"x" * 1000 + b"\r\ny\r\n") * 10)
    answer = await answer_of(make_sender, script)
    assert answer.truncated
    assert len(answer.body) < 200


async def test_headers_are_kept_up_to_8_kib(make_sender: MakeSender) -> None:
    many = OK + b"x: 0123456789\r\n" * 2000 + b"content-length: 0\r\n\r\n"
    answer = await answer_of(make_sender, many)
    assert answer.status_code == 200
    assert 400 < len(answer.headers) <= 8192 // 15


async def test_a_gzip_bomb_is_not_decoded(make_sender: MakeSender) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    script = respond(200, headers=[("content-encoding", "gzip")], body=bomb)
    answer = await answer_of(make_sender, script)
    assert answer.status_code == 200
    assert answer.body == bomb[:16_384]


async def test_bytes_after_the_answer_cost_it_its_connection(make_sender: MakeSender) -> None:
    smuggled = respond(200) + respond(500)
    async with FakeReceiver([smuggled]) as receiver:
        sender = make_sender()
        first, second = [await sender.post(receiver.url, [], b"") for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 200)
    assert not second.reused


async def test_junk_after_the_answer_does_not_undo_it(make_sender: MakeSender) -> None:
    answer = await answer_of(make_sender, respond(204) + b"\x00junk")
    assert answer.reason is None


async def test_the_deadline_is_over_names_connecting_and_writing_too(
    make_sender: MakeSender,
) -> None:
    class Never:
        async def resolve(self, host: str, port: int, *, workspace_id: str = "") -> list[str]:
            never: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
            return await never

    sender = make_sender(resolver=Never(), settings=DEADLINE)
    assert (await sender.post("http://localhost:1/", [], b"")).reason is Reason.TIMEOUT
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as held:
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        # Taken by the kernel, read by nobody: the body stays unwritten.
        assert (await sender.post(url, [], b"x" * 16_000_000)).reason is Reason.TIMEOUT
        for _ in range(4):
            http_client = held.enter_context(socket.socket())
            http_client.setblocking(False)
            http_client.connect_ex(full.getsockname())
        assert (await sender.post(url, [], b"")).reason is Reason.TIMEOUT


async def test_a_receiver_that_never_takes_the_handshake_is_ended_at_the_deadline(
    make_sender: MakeSender,
) -> None:
    # A plain HTTP server waits for a request's end and finds none in a TLS hello.
    async with FakeReceiver(then=hang()) as receiver:
        url = receiver.url.replace("http:", "https:")
        answer = await make_sender(settings=DEADLINE).post(url, [], b"")
    assert answer.reason in (Reason.TLS, Reason.TIMEOUT)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "169.254.169.254"],
        ["127.0.0.1", "192.0.2.1"],
        ["127.0.0.1", "::ffff:192.0.2.1"],
        ["127.0.0.1", "fe80::1%eth0"],
        ["127.0.0.1", "64:ff9b::7f00:1"],
        ["127.0.0.1", "not an address"],
    ],
)
async def test_one_bad_address_refuses_all(make_sender: MakeSender, addresses: list[str]) -> None:
    resolver = FakeResolver({"receiver.test": addresses})
    async with FakeReceiver() as receiver:
        sender = make_sender(resolver=resolver)
        answer = await sender.post(receiver.url_at("/", host="receiver.test"), [], b"")
    assert answer.reason is Reason.BLOCKED_TARGET
    assert answer.address is None
    assert receiver.connections_count == 0
    assert answer.words is not None
    assert answer.words.startswith("receiver.test may not be called from here: ")
    assert not any(address in answer.words for address in addresses)


async def test_a_name_that_moves_after_it_was_checked_moves_nothing(
    make_sender: MakeSender,
) -> None:
    resolver = FakeResolver({"receiver.test": [["127.0.0.1"], ["169.254.169.254"]]})
    async with FakeReceiver() as receiver:
        sender = make_sender(resolver=resolver)
        url = receiver.url_at("/", host="receiver.test")
        first = await sender.post(url, [], b"")
        questions_count = len(resolver.questions)
        second = await sender.post(url, [], b"")
    assert first.address == second.address == "127.0.0.1"
    assert questions_count == 1
    assert second.reused


async def test_an_open_connection_is_no_way_round_the_check(make_sender: MakeSender) -> None:
    clock = FakeClock()
    resolver = FakeResolver({"receiver.test": [["127.0.0.1"], ["169.254.169.254"]]})
    async with FakeReceiver() as receiver:
        settings = ClientSettings(pool=PoolSettings(idle_age_s_max=1000))
        sender = make_sender(resolver=resolver, clock=clock, settings=settings)
        url = receiver.url_at("/", host="receiver.test")
        first = await sender.post(url, [], b"")
        clock.advance(31)
        second = await sender.post(url, [], b"")
    assert (first.reason, second.reason) == (None, Reason.BLOCKED_TARGET)
    assert receiver.requests_count == 1


async def test_a_name_that_moves_is_checked_again_at_the_next_dial(make_sender: MakeSender) -> None:
    resolver = FakeResolver({"receiver.test": [["127.0.0.1"], ["169.254.169.254"]]})
    closing = respond(200, headers=[("connection", "close")])
    async with FakeReceiver([closing]) as receiver:
        sender = make_sender(resolver=resolver)
        url = receiver.url_at("/", host="receiver.test")
        reasons = [(await sender.post(url, [], b"")).reason for _ in range(2)]
    assert reasons == [None, Reason.BLOCKED_TARGET]


@pytest.mark.parametrize("answer", [[], OSError("no such name")])
async def test_a_name_without_an_address_is_a_dns_failure(
    make_sender: MakeSender, answer: list[str] | OSError
) -> None:
    sender = make_sender(resolver=FakeResolver({"receiver.test": answer}))
    assert (await sender.post("http://receiver.test/", [], b"")).reason is Reason.DNS


async def test_our_own_address_is_not_called(make_sender: MakeSender) -> None:
    async with FakeReceiver() as own, FakeReceiver() as other:
        policy = TargetPolicy.dev(own_addresses=frozenset({("0.0.0.0", own.port)}))
        sender = make_sender(policy, resolver=FakeResolver({"localhost": ["::ffff:127.0.0.1"]}))
        urls = [own.url, own.url_at("/", host="localhost"), other.url]
        reasons = [(await sender.post(url, [], b"")).reason for url in urls]
    assert reasons == [Reason.BLOCKED_TARGET, Reason.BLOCKED_TARGET, None]


async def test_a_malformed_url_is_an_answer_too(make_sender: MakeSender) -> None:
    answer = await make_sender().post("http://127.1/", [], b"")
    assert answer.reason is Reason.BLOCKED_TARGET


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory as Linux shows it")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_thousand_hostile_attempts_end_in_time_and_leave_nothing_behind(
    server_tls: ssl.SSLContext, loop: str
) -> None:
    deadline_s = 0.2
    async with receivers(server_tls) as urls:
        arguments = [hostile.__file__, loop, str(deadline_s), str(ATTEMPTS), *urls]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=subprocess.PIPE
        )
        printed, _ = await process.communicate()
    assert process.returncode == 0
    report = json.loads(printed)
    assert sum(report["reasons"].values()) == ATTEMPTS
    expected = {"timeout", "protocol", "redirect", "tls", "None"}  # None: a whole 2xx, cut short
    assert set(report["reasons"]) == expected
    assert report["slowest_s"] < deadline_s + SOON_S
    assert report["growth_bytes"] <= GROWTH_BYTES_MAX
