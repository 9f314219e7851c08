"""Asking providers, on real sockets: capped, judged, and clear about what may have arrived."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringback.egress.answer import Reason
from ringback.egress.http_client import HttpClient, Request, Response
from ringback.egress.policy import TargetPolicy
from ringback.testing import (
    FakeReceiver,
    FakeResolver,
    Script,
    close_after,
    hang,
    redirect,
    respond,
)


@pytest.fixture
async def http_client() -> AsyncIterator[HttpClient]:
    """A caller of what the operator names."""
    http_client = HttpClient(TargetPolicy.operator())
    yield http_client
    http_client.close()


def a_call(url: str, **changes: Any) -> Request:
    return Request(**{"method": "GET", "url": url, "timeout_s": 2.0, **changes})


async def response_of(http_client: HttpClient, script: Script, **changes: Any) -> Response:
    async with FakeReceiver([script]) as receiver:
        return await http_client.send(a_call(receiver.url, **changes))


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("GET", b"", None), ("DELETE", b"", None), ("POST", b"", "0"), ("POST", b"{}", "2")],
)
async def test_the_request_is_what_was_asked_for(
    http_client: HttpClient, method: str, body: bytes, length: str | None
) -> None:
    async with FakeReceiver([respond(200, body=b"{}")]) as receiver:
        url = receiver.url_at("/v1/jobs?x=1")
        headers = (("authorization", "Bearer k"),)
        reply = await http_client.send(a_call(url, method=method, body=body, headers=headers))
    (request,) = receiver.requests
    assert (reply.status, reply.body, reply.reason) == (200, b"{}", None)
    assert (request.method, request.path, request.body) == (method, "/v1/jobs?x=1", body)
    assert request.header("content-length") == length
    assert request.header("authorization") == "Bearer k"
    assert request.header("accept-encoding") == "identity"


async def test_connections_are_used_again(http_client: HttpClient) -> None:
    async with FakeReceiver([200, 200, 200]) as receiver:
        for _ in range(3):
            assert (await http_client.send(a_call(receiver.url))).status == 200
        assert receiver.connections_count == 1


async def test_what_must_not_be_repeated_never_goes_over_a_used_connection(
    http_client: HttpClient,
) -> None:
    async with FakeReceiver([200, 200]) as receiver:
        await http_client.send(a_call(receiver.url))
        await http_client.send(a_call(receiver.url, method="POST", may_repeat=False))
        assert receiver.connections_count == 2


async def test_an_idle_connection_that_dies_is_replaced_without_a_word(
    http_client: HttpClient,
) -> None:
    async with FakeReceiver([200, close_after(), 200]) as receiver:
        await http_client.send(a_call(receiver.url))
        assert (await http_client.send(a_call(receiver.url))).status == 200


async def test_more_than_is_read_is_refused_and_each_call_says_how_much_that_is(
    http_client: HttpClient,
) -> None:
    body = bytes(100_000)
    async with FakeReceiver([respond(200, body=body)] * 3) as receiver:
        assert (await http_client.send(a_call(receiver.url, bytes_max=100_000))).body == body
        reply = await http_client.send(a_call(receiver.url, bytes_max=99_999))
        assert reply.reason is Reason.TOO_LARGE
        assert (await http_client.send(a_call(receiver.url, bytes_max=100_000))).body == body


async def test_a_sink_takes_the_body_as_it_comes_and_no_more_than_is_read(
    http_client: HttpClient,
) -> None:
    body = bytes(range(256)) * 4_000
    taken: list[bytes] = []
    async with FakeReceiver([respond(200, body=body)] * 3) as receiver:
        reply = await http_client.send(a_call(receiver.url), taken.append)
        assert (reply.status, reply.body, b"".join(taken)) == (200, b"", body)
        assert len(taken) > 1
        taken.clear()
        short = await http_client.send(a_call(receiver.url, bytes_max=1_000), taken.append)
        assert (short.reason, b"".join(taken)) == (Reason.TOO_LARGE, body[:1_000])
        # The next on the same connection has its body to itself.
        assert (await http_client.send(a_call(receiver.url))).body == body


async def test_a_sink_that_is_full_ends_the_request(http_client: HttpClient) -> None:
    def full(_data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with FakeReceiver([respond(200, body=bytes(1_000_000))]) as receiver:
        reply = await http_client.send(a_call(receiver.url), full)
    assert reply.reason is Reason.PROTOCOL
    assert "No space left" in reply.detail


async def test_a_redirect_is_an_answer_and_is_not_followed(http_client: HttpClient) -> None:
    reply = await response_of(http_client, redirect("http://169.254.169.254/latest/meta-data/"))
    assert reply.status == 302
    assert reply.header(b"location") == b"http://169.254.169.254/latest/meta-data/"


async def test_a_compressed_answer_is_read_and_counted_as_it_is_meant(
    http_client: HttpClient,
) -> None:
    """No request accepts one, but what a provider was paid for is not lost over that."""
    for size, reason in ((1_000, None), (10_000_000, Reason.TOO_LARGE)):
        packed = gzip.compress(bytes(size))
        script = respond(200, headers=[("content-encoding", "gzip")], body=packed)
        reply = await response_of(http_client, script)
        assert reply.reason is reason
        assert reason or reply.body == bytes(size)


async def test_an_answer_that_does_not_come_may_be_of_a_request_that_arrived(
    http_client: HttpClient,
) -> None:
    reply = await response_of(http_client, hang(), method="POST", timeout_s=0.2)
    assert reply.reason is Reason.TIMEOUT
    assert reply.may_have_arrived


async def test_a_request_without_a_connection_did_not_arrive(http_client: HttpClient) -> None:
    async with FakeReceiver() as receiver:
        url = receiver.url
    reply = await http_client.send(a_call(url))
    assert reply.reason is Reason.CONNECT
    assert not reply.may_have_arrived


async def test_a_name_that_points_at_the_clouds_metadata_is_not_called() -> None:
    resolver = FakeResolver({"api.example": ["169.254.169.254"]})
    http_client = HttpClient(TargetPolicy.operator(), resolver=resolver)
    reply = await http_client.send(a_call("http://api.example/"))
    assert reply.reason is Reason.BLOCKED_TARGET
    assert not reply.may_have_arrived


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", "a\r\nb: c"), ("a b", "k-123"), ("Host", "elsewhere"), ("x", "a\0b"), ("x", "é\u0107")],
)
async def test_a_header_that_would_break_the_request_is_a_mistake_and_is_not_told(
    http_client: HttpClient, name: str, value: str
) -> None:
    with pytest.raises(ValueError, match="cannot be sent") as raised:
        await http_client.send(a_call("http://127.0.0.1:9/", headers=((name, value),)))
    assert value not in str(raised.value)


def test_what_is_shown_of_a_call_has_no_secret_in_it() -> None:
    call = a_call("http://127.0.0.1:9/", headers=(("authorization", "Bearer k-123"),))
    assert "k-123" not in repr(call)
