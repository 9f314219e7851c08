"""Results brought home: from the provider's own origin, from strangers, over redirects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from upstream.world import PNG

from ringback.clock import SystemClock
from ringback.egress.caller import Caller
from ringback.egress.policy import TargetPolicy
from ringback.engines.upstream.files import Files
from ringback.engines.upstream.places import Place, temporary_place
from ringback.engines.upstream.provider import File
from ringback.errors import EngineError
from ringback.testing import FakeReceiver, FakeResolver, RecordingIO, Script, redirect, respond

KEY = (("authorization", "Bearer k"),)


@contextmanager
def a_full_disk() -> Iterator[Path]:
    """Give a place at which nothing fits."""
    yield Path("/dev/full")


class Way:
    """The provider's origin, and a stranger's, at which everything public seems to be."""

    def __init__(self, provider: FakeReceiver, stranger: FakeReceiver, callers: list[Caller]):
        self.provider = provider
        self.stranger = stranger
        self.callers = callers

    async def got(
        self,
        file: File,
        *,
        bytes_max: int = 10_000,
        place: Place = temporary_place,
        is_preview: bool = False,
    ) -> bytes:
        io = RecordingIO()
        files = Files(
            "studio",
            base_url=self.provider.url_at("/v1"),
            provider=self.callers[0],
            public=self.callers[1],
            clock=SystemClock(),
            rng=Random(1),
            bytes_max=bytes_max,
            timeout_s=5.0,
            retries=3,
            place=place,
        )
        keep = files.keep_preview if is_preview else files.keep
        return io.saved[await keep(file, io)]

    def answers(self, where: FakeReceiver, *script: Script) -> None:
        where._answers = iter(script)


@pytest.fixture
async def way() -> AsyncIterator[Way]:
    """Both, and callers with the policies that a server has."""
    resolver = FakeResolver({"inside.example": ["10.0.0.1"], "meta.example": ["169.254.169.254"]})
    callers = [
        Caller(TargetPolicy.operator(), resolver=resolver),
        # Loopback stands for the public internet; all that is inside stays out of bounds.
        Caller(TargetPolicy.dev(), resolver=resolver),
    ]
    async with FakeReceiver() as provider, FakeReceiver() as stranger:
        yield Way(provider, stranger, callers)
    for caller in callers:
        caller.close()


async def test_the_providers_key_goes_to_its_own_origin_alone(way: Way) -> None:
    way.answers(way.provider, respond(200, body=PNG))
    way.answers(way.stranger, respond(200, body=PNG))
    for where in (way.provider, way.stranger):
        assert await way.got(File(url=where.url_at("/a.png"), headers=KEY)) == PNG
    assert way.provider.requests[0].header("authorization") == "Bearer k"
    assert way.stranger.requests[0].header("authorization") is None


async def test_redirects_are_followed_judged_anew_and_without_the_key(way: Way) -> None:
    way.answers(way.provider, redirect(way.stranger.url_at("/b.png")))
    way.answers(way.stranger, redirect("c.png"), respond(200, body=PNG))
    assert await way.got(File(url=way.provider.url_at("/a.png"), headers=KEY)) == PNG
    assert [request.path for request in way.stranger.requests] == ["/b.png", "/c.png"]
    assert way.stranger.requests[0].header("authorization") is None


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ([redirect("http://meta.example/")], "blocked_target"),
        ([redirect("http://inside.example/")], "blocked_target"),
        ([redirect("file:///etc/passwd")], "what is no URL"),
        ([redirect("/again")] * 4, "status 302"),
        ([respond(404)], "status 404"),
        ([respond(200, body=PNG + bytes(10_000))], "too_large"),
        ([respond(302)], "status 302"),
        ([respond(200, body=b"<html>")], "type that is not known"),
    ],
)
async def test_a_result_that_cannot_be_had_fails_the_job_with_the_reason(
    way: Way, script: list[Script], sentence: str
) -> None:
    way.answers(way.provider, *script)
    with pytest.raises(EngineError, match=sentence):
        await way.got(File(url=way.provider.url_at("/a.png")))


@pytest.mark.parametrize("url", ["http://meta.example/", "http://inside.example/", "x", ""])
async def test_a_provider_cannot_point_us_inside(way: Way, url: str) -> None:
    with pytest.raises(EngineError, match=r"blocked_target|no URL"):
        await way.got(File(url=url))


async def test_a_full_disk_is_our_own_trouble_and_no_failure_of_the_job(way: Way) -> None:
    way.answers(way.stranger, respond(200, body=PNG))
    with pytest.raises(OSError, match="No space left"):
        await way.got(File(url=way.stranger.url_at("/a.png")), place=a_full_disk)


async def test_a_result_is_asked_for_again_while_that_may_help(way: Way) -> None:
    busy: list[Any] = [respond(503, headers=[("retry-after", "0")]), respond(200, body=PNG)]
    way.answers(way.stranger, *busy)
    assert await way.got(File(url=way.stranger.url_at("/a.png"))) == PNG


async def test_a_preview_is_asked_for_once_and_may_not_be_large(way: Way) -> None:
    """A provider's slow or huge previews neither hold up the result nor fill the disk."""
    url = way.provider.url_at("/preview.png")
    way.answers(way.provider, respond(503), respond(200, body=PNG))
    with pytest.raises(EngineError, match="status 503"):
        await way.got(File(url=url), is_preview=True)
    assert await way.got(File(url=url), is_preview=True) == PNG
    way.answers(way.provider, respond(200, body=PNG + bytes(8 << 20)))
    with pytest.raises(EngineError, match="too_large"):
        await way.got(File(url=url), is_preview=True, bytes_max=64 << 20)
