"""Fetching what a job names: through the same door as webhooks, and never more than allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.egress.answer import Reason
from ringback.egress.fetcher import Fetcher
from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
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
    fetcher = Fetcher(TargetPolicy.dev(), settings=ClientSettings(total_timeout_s=3.0))
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


async def test_a_download_lies_in_its_file_and_not_in_memory(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    path = tmp_path / "picture"
    async with FakeReceiver([respond(200, body=PICTURE)]) as receiver:
        await fetcher.download(receiver.url, path, bytes_max=LIMIT)
    assert path.read_bytes() == PICTURE
    await fetcher.download("data:,abc", path, bytes_max=LIMIT)
    assert path.read_bytes() == b"abc"


async def test_a_download_is_bounded_and_says_whose_fault_it_is(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    async with FakeReceiver(then=respond(200, body=PICTURE)) as receiver:
        with pytest.raises(FetchError) as refused:
            await fetcher.download(receiver.url, tmp_path / "picture", bytes_max=LIMIT - 1)
        assert refused.value.reason is Reason.TOO_LARGE
        with pytest.raises(OSError, match="No space left"):
            await fetcher.download(receiver.url, Path("/dev/full"), bytes_max=LIMIT)


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
        pytest.param(respond(203, body=PICTURE), id="changed by a proxy"),
        pytest.param(
            respond(
                206,
                headers=[("content-range", f"bytes 0-{len(PICTURE) - 1}/{len(PICTURE)}")],
                body=PICTURE,
            ),
            id="a range of all",
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
        (redirect("http://169.254.169.254/"), Reason.BLOCKED_TARGET),
        (redirect("http://[::1"), Reason.REDIRECT),
        (redirect("data:,x"), Reason.BLOCKED_TARGET),
        (respond(300, headers=[("location", "/b.png")]), Reason.REDIRECT),
        (respond(302), Reason.REDIRECT),
        (respond(404), Reason.STATUS),
        (respond(204), Reason.STATUS),
        (respond(206, body=b"x"), Reason.STATUS),
        (respond(206, headers=[("content-range", "bytes 0-0/2")], body=b"x"), Reason.STATUS),
        (respond(206, headers=[("content-range", "bytes 1-1/2")], body=b"x"), Reason.STATUS),
        (respond(206, headers=[("content-range", "bytes 0-0/*")], body=b"x"), Reason.STATUS),
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
        ("http://169.254.7.7/", Reason.BLOCKED_TARGET),
        ("http://127.1/", Reason.BLOCKED_TARGET),
        ("file:///etc/passwd", Reason.BLOCKED_TARGET),
        ("http://bad.test/", Reason.BLOCKED_TARGET),
        ("http://unknown.test/", Reason.DNS),
        ("http://127.0.0.1:1/", Reason.CONNECT),
        ("data:nonsense", Reason.PROTOCOL),
    ],
)
async def test_a_url_that_may_not_or_cannot_be_fetched(url: str, reason: Reason) -> None:
    resolver = FakeResolver({"bad.test": ["127.0.0.1", "169.254.7.7"]})
    fetcher = Fetcher(TargetPolicy.dev(), resolver=resolver)
    with pytest.raises(FetchError) as failed:
        await fetcher.get(url, bytes_max=LIMIT)
    assert failed.value.reason == reason


async def test_redirects_are_followed_to_the_file_and_each_is_checked(fetcher: Fetcher) -> None:
    async with FakeReceiver([respond(200, body=PICTURE)]) as last:
        hops = [redirect(last.url_at("/c d.png?e=1#f"), status) for status in (301, 302, 307)]
        async with FakeReceiver([redirect("/b", 303), hops[0]]) as first:
            assert await fetcher.get(first.url_at("/a/x"), bytes_max=LIMIT) == PICTURE
    assert [request.path for request in first.requests] == ["/a/x", "/b"]
    assert [request.path for request in last.requests] == ["/c%20d.png?e=1"]


async def test_redirects_end_after_three(fetcher: Fetcher) -> None:
    async with FakeReceiver(then=redirect("/again")) as receiver:
        with pytest.raises(FetchError) as failed:
            await fetcher.get(receiver.url, bytes_max=LIMIT)
    assert len(receiver.requests) == 4
    assert failed.value.reason == Reason.REDIRECT
    assert failed.value.words == "it redirects more than 3 times, or to no URL"


async def test_a_redirect_to_a_place_that_the_policy_refuses_calls_nothing() -> None:
    """A public name that leads inside is the oldest way around a check of the first URL alone."""
    async with FakeReceiver(then=respond(200, body=b"secret")) as inside:
        policy = TargetPolicy.dev(own_addresses=frozenset({("127.0.0.1", inside.port)}))
        fetcher = Fetcher(policy)
        try:
            async with FakeReceiver([redirect(inside.url)]) as outside:
                with pytest.raises(FetchError) as failed:
                    await fetcher.get(outside.url, bytes_max=LIMIT)
        finally:
            fetcher.close()
    assert failed.value.reason == Reason.BLOCKED_TARGET
    assert inside.requests == []
