"""Fetching what a job names: through the same door as webhooks, and never more than allowed."""

from __future__ import annotations

import base64
import gzip
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.answer import Reason
from ringback.egress.fetch import Fetcher, FetcherSettings, decode_data_url
from ringback.egress.policy import TargetPolicy
from ringback.errors import FetchError
from ringback.testing import (
    FakeReceiver,
    FakeResolver,
    Script,
    close_after,
    drip,
    endless,
    hang,
    redirect,
    reset,
    respond,
)

OK = b"HTTP/1.1 200 OK\r\n"
PICTURE = bytes(range(256)) * 400
LIMIT = len(PICTURE)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """A fetcher for a developer's machine with a short deadline."""
    fetcher = Fetcher(TargetPolicy.dev(), settings=FetcherSettings(total_timeout_s=0.5))
    yield fetcher
    fetcher.close()


async def fetched(fetcher: Fetcher, script: Script) -> bytes:
    async with FakeReceiver([script]) as receiver:
        return await fetcher.get(receiver.url_at("/a.png?x=1"), bytes_max=LIMIT)


async def test_the_request_is_a_plain_get(fetcher: Fetcher) -> None:
    async with FakeReceiver([respond(200, body=PICTURE)]) as receiver:
        assert await fetcher.get(receiver.url_at("/a.png?x=1"), bytes_max=LIMIT) == PICTURE
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("GET", "/a.png?x=1", b"")
    assert request.header("host") == f"127.0.0.1:{receiver.port}"
    assert request.header("accept-encoding") == "identity"


def chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    lines = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return OK + b"transfer-encoding: chunked\r\n\r\n" + lines + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(chunks(PICTURE, 16), id="in small chunks"),
        pytest.param(chunks(PICTURE, 100_000), id="in large chunks"),
        pytest.param(close_after(OK + b"\r\n" + PICTURE), id="ending with the connection"),
        pytest.param(
            respond(200, headers=[("content-encoding", "identity")], body=PICTURE), id="named"
        ),
    ],
)
async def test_all_of_it_comes_however_it_is_sent(fetcher: Fetcher, script: Script) -> None:
    assert await fetched(fetcher, script) == PICTURE


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (respond(200, body=PICTURE + b"x"), Reason.TOO_LARGE),
        (OK + b"content-length: 99999999999999\r\n\r\n", Reason.TOO_LARGE),
        (endless(OK + b"\r\n", PICTURE), Reason.TOO_LARGE),
        (chunks(PICTURE + b"x", 1000), Reason.TOO_LARGE),
        (redirect("http://169.254.169.254/"), Reason.REDIRECT),
        (respond(404), Reason.STATUS),
        (respond(204), Reason.STATUS),
        (respond(206, body=b"x"), Reason.STATUS),
        (
            respond(200, headers=[("content-encoding", "gzip")], body=gzip.compress(b"\0" * 9999)),
            Reason.PROTOCOL,
        ),
        (b"garbage\r\n\r\n", Reason.PROTOCOL),
        (reset(OK + b"content-length: 9\r\n\r\n0123"), Reason.PROTOCOL),
        (endless(OK, b"x: y\r\n" * 1000), Reason.PROTOCOL),
        (hang(), Reason.TIMEOUT),
        (drip(OK + b"content-length: 999\r\n\r\n" + b"x" * 999), Reason.TIMEOUT),
    ],
)
async def test_anything_else_is_an_error_with_a_stable_reason(
    fetcher: Fetcher, script: Script, reason: Reason
) -> None:
    with pytest.raises(FetchError) as failed:
        await fetched(fetcher, script)
    assert failed.value.reason == reason, failed.value.detail


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://10.0.0.1/", Reason.BLOCKED_TARGET),
        ("http://127.1/", Reason.BLOCKED_TARGET),
        ("file:///etc/passwd", Reason.BLOCKED_TARGET),
        ("http://bad.test/", Reason.BLOCKED_TARGET),
        ("http://unknown.test/", Reason.DNS),
        ("http://127.0.0.1:1/", Reason.CONNECT),
        ("data:nonsense", Reason.PROTOCOL),
    ],
)
async def test_a_url_that_may_not_or_cannot_be_fetched(url: str, reason: Reason) -> None:
    resolver = FakeResolver({"bad.test": ["127.0.0.1", "10.0.0.1"]})
    fetcher = Fetcher(TargetPolicy.dev(), resolver=resolver)
    with pytest.raises(FetchError) as failed:
        await fetcher.get(url, bytes_max=LIMIT)
    assert failed.value.reason == reason


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,", b""),
        ("data:,A%20brief%20note", b"A brief note"),
        ("data:text/plain;charset=utf-8,%C3%A9", "é".encode()),
        ("DATA:image/png;base64,iVBORw0KGgo=", b"\x89PNG\r\n\x1a\n"),
        ("data:image/png;base64,iVBORw0KGgo", b"\x89PNG\r\n\x1a\n"),
        ("data:image/png;base64,iVBORw0KGgo%3D", b"\x89PNG\r\n\x1a\n"),
        ("data:;base64,", b""),
        ("data:,a,b", b"a,b"),
    ],
)
async def test_a_data_url_is_decoded(fetcher: Fetcher, url: str, data: bytes) -> None:
    assert await fetcher.get(url, bytes_max=100) == data


@pytest.mark.parametrize(
    "url", ["data:", "data:;base64", "data:;base64,!!!!", "data:;base64,A", "data:;base64,AA==AA=="]
)
def test_a_data_url_that_is_not_one_is_refused(url: str) -> None:
    with pytest.raises(FetchError) as failed:
        decode_data_url(url, bytes_max=100)
    assert failed.value.reason == Reason.PROTOCOL


@given(st.binary(max_size=50), st.integers(min_value=0, max_value=50))
def test_a_data_url_is_judged_by_what_it_decodes_to(data: bytes, bytes_max: int) -> None:
    for url in (
        f"data:;base64,{base64.b64encode(data).decode()}",
        "data:," + "".join(f"%{byte:02X}" for byte in data),
    ):
        if len(data) <= bytes_max:
            assert decode_data_url(url, bytes_max=bytes_max) == data
        else:
            with pytest.raises(FetchError) as failed:
                decode_data_url(url, bytes_max=bytes_max)
            assert failed.value.reason == Reason.TOO_LARGE
