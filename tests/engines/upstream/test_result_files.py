"""Downloads of results: from the provider's origin, from other hosts, across redirects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ringback.clock import SystemClock
from ringback.egress.allow_lists import OF_RESULTS
from ringback.egress.http_client import HttpClient
from ringback.egress.policy import TargetPolicy
from ringback.engines.upstream.config import result_origins_of
from ringback.engines.upstream.provider import File
from ringback.engines.upstream.result_files import ResultFiles
from ringback.engines.upstream.temporary import TemporaryFile, temporary_file
from ringback.errors import EngineError
from ringback.testing import (
    FakeReceiver,
    FakeResolver,
    RecordingIO,
    Script,
    redirect,
    reset,
    respond,
)
from tests.engines.upstream.world import PNG

KEY = (("authorization", "Bearer k"),)


@contextmanager
def a_full_disk() -> Iterator[Path]:
    """Yield a path that fails every write."""
    yield Path("/dev/full")


class Origins:
    """The provider's origin and another one, which stands for all public hosts."""

    def __init__(
        self, provider: FakeReceiver, stranger: FakeReceiver, http_clients: list[HttpClient]
    ):
        self.provider = provider
        self.stranger = stranger
        self.http_clients = http_clients

    async def download(
        self,
        file: File,
        *,
        bytes_max: int = 10_000,
        temporary_file: TemporaryFile = temporary_file,
        is_preview: bool = False,
        named_origins: frozenset[str] = frozenset(),
    ) -> bytes:
        io = RecordingIO()
        files = ResultFiles(
            "studio",
            base_url=self.provider.url_at("/v1"),
            named_origins=named_origins,
            provider=self.http_clients[0],
            public=self.http_clients[1],
            headers=KEY,
            clock=SystemClock(),
            rng=Random(1),
            bytes_max=bytes_max,
            timeout_s=5.0,
            retries=3,
            temporary_file=temporary_file,
        )
        if is_preview:
            return io.saved[await files.keep_preview(file, io, workspace_id="shop")]
        return io.saved[(await files.keep(file, io, workspace_id="shop")).name]

    def answers(self, where: FakeReceiver, *script: Script) -> None:
        where._answers = iter(script)


@pytest.fixture
async def origins() -> AsyncIterator[Origins]:
    """Both origins, and HTTP clients with the server's policies."""
    resolver = FakeResolver(
        {
            "inside.example": ["10.0.0.1"],
            "meta.example": ["169.254.169.254"],
            "store.example": ["127.0.0.1"],
        }
    )
    http_clients = [
        HttpClient(TargetPolicy.operator(), resolver=resolver),
        # Loopback stands for the public internet; all that is inside stays out of bounds.
        HttpClient(TargetPolicy.dev(allow_networks=()), resolver=resolver),
    ]
    async with FakeReceiver() as provider, FakeReceiver() as stranger:
        yield Origins(provider, stranger, http_clients)
    for http_client in http_clients:
        http_client.close()


async def test_the_providers_key_goes_to_its_own_origin_alone(origins: Origins) -> None:
    origins.answers(origins.provider, respond(200, body=PNG))
    origins.answers(origins.stranger, respond(200, body=PNG))
    for where in (origins.provider, origins.stranger):
        assert await origins.download(File(url=where.url_at("/a.png"))) == PNG
    assert origins.provider.requests[0].header("authorization") == "Bearer k"
    assert origins.stranger.requests[0].header("authorization") is None


async def test_redirects_are_checked_again_and_followed_without_the_key(origins: Origins) -> None:
    origins.answers(origins.provider, redirect(origins.stranger.url_at("/b.png")))
    origins.answers(origins.stranger, redirect("c.png"), respond(200, body=PNG))
    assert await origins.download(File(url=origins.provider.url_at("/a.png"))) == PNG
    assert [request.path for request in origins.stranger.requests] == ["/b.png", "/c.png"]
    assert origins.stranger.requests[0].header("authorization") is None


@pytest.mark.parametrize("location", ["/é.png".encode(), "/é.png".encode("latin-1")])
async def test_a_redirect_is_read_in_utf_8_and_else_in_latin_1(
    origins: Origins, location: bytes
) -> None:
    origins.answers(origins.provider, redirect(location.decode("latin-1")), respond(200, body=PNG))
    assert await origins.download(File(url=origins.provider.url_at("/a.png"))) == PNG
    assert origins.provider.requests[1].path == "/%C3%A9.png"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ([redirect("http://meta.example/")], r"it is at http://meta\.example, which this server"),
        ([redirect("http://inside.example/")], r"result_origins in the table \[engines\.studio\]"),
        ([redirect("file:///etc/passwd")], "URL must start with https:// or http://"),
        ([redirect("http://[")], "URL's host or port is not spelled as one"),
        ([redirect("/again")] * 4, "answered 302, a redirect that leads to no file"),
        ([respond(410)], r"127\.0\.0\.1:[0-9]+ answered 410 \(Gone\)\."),
        ([respond(799)], r"answered 799\."),
        ([respond(200, body=PNG + bytes(10_000))], "larger than the 10000 bytes"),
        ([respond(302)], "answered 302, a redirect that leads to no file"),
        ([respond(200, body=b"\xef\xbb\xbf\n<!DOCTYPE HTML><p>")], "a web page came in its stead"),
        ([respond(200, body=b"")], "it is empty"),
        ([reset()] * 4, "is not whole, or not HTTP"),
    ],
)
async def test_a_result_that_cannot_be_downloaded_fails_the_job_with_the_reason(
    origins: Origins, script: list[Script], sentence: str
) -> None:
    origins.answers(origins.provider, *script)
    with pytest.raises(EngineError, match=sentence):
        await origins.download(File(url=origins.provider.url_at("/a.png")))


@pytest.mark.parametrize("url", ["http://meta.example/", "http://inside.example/"])
async def test_a_provider_cannot_send_us_to_private_addresses(origins: Origins, url: str) -> None:
    with pytest.raises(EngineError, match=r"which this server may not call"):
        await origins.download(File(url=url))


async def test_results_come_from_an_origin_that_the_operator_named_without_the_key(
    origins: Origins,
) -> None:
    url = f"http://store.example:{origins.stranger.port}/a.png"
    public = TargetPolicy(allow_http=True, ports=None, remedies=OF_RESULTS)
    origins.http_clients[1].close()
    origins.http_clients[1] = HttpClient(
        public, resolver=FakeResolver({"store.example": ["127.0.0.1"]})
    )
    with pytest.raises(
        EngineError, match=rf"store\.example:{origins.stranger.port}.*result_origins"
    ):
        await origins.download(File(url=url))
    origins.answers(origins.stranger, respond(200, body=PNG))
    named = result_origins_of("The engine studio", [url.removesuffix("/a.png")])
    assert await origins.download(File(url=url), named_origins=named) == PNG
    assert origins.stranger.requests[0].header("authorization") is None


@pytest.mark.parametrize("document", [b'{"results": []}', b'\n[{"id": 1}]'])
async def test_a_document_that_was_got_with_the_key_is_no_result(
    origins: Origins, document: bytes
) -> None:
    """A user's text in an answer could name the list of all the operator's jobs."""
    own, other = origins.provider.url_at("/v1/predictions"), origins.stranger.url_at("/a")
    for url in (own, other):
        origins.answers(origins.provider, respond(200, body=document))
        origins.answers(origins.stranger, redirect(own))
        with pytest.raises(EngineError, match="a document of the provider's API came"):
            await origins.download(File(url=url))
    origins.answers(origins.stranger, respond(200, body=document))
    assert await origins.download(File(url=other)) == document


async def test_a_full_disk_is_our_error_and_does_not_fail_the_job(origins: Origins) -> None:
    origins.answers(origins.stranger, respond(200, body=PNG))
    with pytest.raises(OSError, match="No space left"):
        await origins.download(
            File(url=origins.stranger.url_at("/a.png")), temporary_file=a_full_disk
        )


async def test_a_download_is_retried_while_the_provider_is_busy(origins: Origins) -> None:
    busy: list[Any] = [respond(503, headers=[("retry-after", "0")]), respond(200, body=PNG)]
    origins.answers(origins.stranger, *busy)
    assert await origins.download(File(url=origins.stranger.url_at("/a.png"))) == PNG


async def test_a_preview_is_requested_once_and_may_not_be_large(origins: Origins) -> None:
    """A provider's slow or huge previews neither delay the result nor fill the disk."""
    url = origins.provider.url_at("/preview.png")
    origins.answers(origins.provider, respond(503), respond(200, body=PNG))
    with pytest.raises(EngineError, match="answered 503"):
        await origins.download(File(url=url), is_preview=True)
    assert await origins.download(File(url=url), is_preview=True) == PNG
    origins.answers(origins.provider, respond(200, body=PNG + bytes(8 << 20)))
    with pytest.raises(EngineError, match="larger than"):
        await origins.download(File(url=url), is_preview=True, bytes_max=64 << 20)
