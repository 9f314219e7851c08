"""Downloads results: limited, checked again at every redirect, their type taken from content.

A file of a type that is not known is kept all the same, because it has been paid for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from ringback.clock import Clock
from ringback.concurrency.fair_limiter import FairLimiter
from ringback.egress.answer import has_whole_file
from ringback.egress.file_sink import FileSink
from ringback.egress.http_client import Headers, HttpClient, Request, Response
from ringback.egress.references import REDIRECTS_MAX, absolute_url, location_of
from ringback.egress.url import MalformedTarget, parse_target
from ringback.engines.contract import EngineIO
from ringback.engines.upstream.delays import is_unavailable, may_retry, retry_delay_s
from ringback.engines.upstream.failed_downloads import failure_words
from ringback.engines.upstream.provider import File
from ringback.engines.upstream.temporary import TemporaryFile, temporary_file, type_of_file
from ringback.errors import EngineError
from ringback.files.artifacts.own_urls import is_own
from ringback.files.media.content import UNKNOWN, Content, MediaType, mapped
from ringback.files.media.parsing import sniff

_PAGE_STARTS = (b"<!doctype html", b"<html")
_DOCUMENT_STARTS = (b"{", b"[")  # of JSON
_STORE_ERROR = re.compile(rb"(?:<\?xml[^>]*>\s*)?<error[\s>]")
_PAGE_BYTES = 512
# A store may not know a file for some seconds after it was made, or not let anyone have it yet.
_NOT_YET = frozenset({202, 204, 403, 404})
_NOT_YET_RETRIES = 3
# Each takes a connection and a file on disk; the reserve keeps one workspace's slow provider from
# blocking the others.
_AT_ONCE = 8
_RESERVE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """The limits of one file's download."""

    bytes_max: int
    timeout_s: float
    retries: int


# A preview delays the next poll, which may find the job completed, so it gets little time.
_OF_PREVIEWS = DownloadLimits(bytes_max=8 << 20, timeout_s=10.0, retries=0)


class KeptFile(NamedTuple):
    """A stored result; ``is_known`` when its type is one that the server knows."""

    name: str
    is_known: bool = True


class FileLost(EngineError):
    """A result could not be fetched or read; ``words`` end a sentence that says so."""

    def __init__(self, engine: str, words: str) -> None:
        super().__init__(
            f"The job was completed by the provider of {engine}, but its result could not be "
            f"fetched: {words}."
        )
        self.words = words


class Strip(Protocol):
    """Removes a result's metadata in place; a file that cannot be read stays as it is."""

    async def __call__(self, path: Path, *, workspace_id: str) -> None:
        """Remove the file's metadata, within a workspace's share of the work."""


class ResultFiles:
    """Downloads the result files of one engine.

    URLs of the provider's own origin use the operator's policy and the provider's headers, which
    have its key. Others go without these headers: origins that the operator has named use the
    operator's policy, and the rest the policy for public hosts.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        named_origins: frozenset[str] = frozenset(),
        provider: HttpClient,
        public: HttpClient,
        headers: Headers,
        clock: Clock,
        rng: Random,
        bytes_max: int,
        timeout_s: float,
        retries: int,
        temporary_file: TemporaryFile = temporary_file,
        strip: Strip | None = None,
    ) -> None:
        self._strip = strip
        self._name = name
        self._base_url = base_url
        self._origin = parse_target(base_url).origin
        self._named_origins = named_origins
        self._headers = headers
        self._provider = provider
        self._public = public
        self._clock = clock
        self._rng = rng
        self._limits = DownloadLimits(bytes_max=bytes_max, timeout_s=timeout_s, retries=retries)
        self._temporary_file = temporary_file
        self._slots = FairLimiter(_AT_ONCE, reserve=_RESERVE)

    async def keep(self, file: File, io: EngineIO, *, workspace_id: str) -> KeptFile:
        """Store a result, or raise ``FileLost``."""
        if file.content is not None:
            media_type = sniff(file.content)
            self._check_kept(file.content, media_type)
            name = await io.save(file.content, media_type=media_type or UNKNOWN)
            return KeptFile(name, media_type is not None)
        async with self._slots.slot(workspace_id):
            with self._temporary_file() as path:
                origin = await self._fetch(file, path, self._limits)
                if self._strip is not None:
                    await self._strip(path, workspace_id=workspace_id)
                media_type = type_of_file(path)
                with mapped(path) as content:
                    self._check_kept(content, media_type, has_key=origin == self._origin)
                name = await io.save(path, media_type=media_type or UNKNOWN)
                return KeptFile(name, media_type is not None)

    async def keep_preview(self, file: File, io: EngineIO, *, workspace_id: str) -> str:
        """Store a preview and return its artifact name; slow, large or unknown ones are refused."""
        if file.content is not None:
            return await io.save(file.content, media_type=self._known(sniff(file.content)))
        async with self._slots.slot(workspace_id):
            with self._temporary_file() as path:
                await self._fetch(file, path, _OF_PREVIEWS)
                if self._strip is not None:
                    await self._strip(path, workspace_id=workspace_id)
                return await io.save(path, media_type=self._known(type_of_file(path)))

    def link(self, url: str, *, own_url: str) -> str:
        """Return the whole URL of a result that is not copied, or raise ``FileLost``.

        A file below ``own_url``, this server's base URL, is an input or another job's result.
        """
        link = self._absolute(url, f"{self._base_url}/")
        if is_own(link, base_url=own_url):
            raise FileLost(self._name, "its URL is that of a file of this server")
        return link

    def _absolute(self, url: str, base: str) -> str:
        try:
            return absolute_url(url, base=base)
        except MalformedTarget as exc:
            words = f"the URL that was named for it is wrong: {exc.detail.rstrip('.')}"
            raise FileLost(self._name, words) from exc

    def _known(self, media_type: MediaType | None) -> str:
        if media_type is None:
            raise FileLost(self._name, "its type is not known here")
        return media_type.value

    def _check_kept(
        self, content: Content, media_type: MediaType | None, *, has_key: bool = False
    ) -> None:
        """Raise ``FileLost`` for an empty file, and for a page or a document in its stead.

        An answer may repeat a URL that a user wrote. With the provider's key it can lead to a
        document about other people's jobs.
        """
        if not len(content):
            raise FileLost(self._name, "it is empty")
        start = content[:_PAGE_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if media_type is None and start.startswith(_PAGE_STARTS):
            raise FileLost(self._name, "a web page came in its stead")
        if media_type is None and _STORE_ERROR.match(start):
            raise FileLost(self._name, "an error of the store came in its stead")
        if has_key and media_type is None and start.startswith(_DOCUMENT_STARTS):
            raise FileLost(self._name, "a document of the provider's API came in its stead")

    async def _fetch(self, file: File, path: Path, limits: DownloadLimits) -> str:
        """Download the file's URL to the path, following redirects, or raise ``FileLost``.

        Returns the origin that the file came from.
        """
        assert file.url is not None
        url = self._absolute(file.url, f"{self._base_url}/")
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._download(url, path, limits)
            span = response.header(b"content-range")
            if response.reason is None and has_whole_file(response.status, span):
                return parse_target(url).origin
            location = location_of(response)
            if response.reason is not None or location is None:
                break
            url = self._absolute(location, url)
        raise FileLost(
            self._name,
            failure_words(response, url, engine=self._name, bytes_max=limits.bytes_max),
        )

    def _retries_after(self, response: Response, limits: DownloadLimits) -> int:
        if response.reason is None and response.status in _NOT_YET:
            return min(limits.retries, _NOT_YET_RETRIES)
        is_worth_it = is_unavailable(response) and may_retry(response, may_repeat=True)
        return limits.retries if is_worth_it else 0

    async def _download(self, url: str, path: Path, limits: DownloadLimits) -> Response:
        origin = parse_target(url).origin
        is_same_origin = origin == self._origin
        is_named = is_same_origin or origin in self._named_origins
        client = self._provider if is_named else self._public
        request = Request(
            method="GET",
            url=url,
            headers=self._headers if is_same_origin else (),
            timeout_s=limits.timeout_s,
            bytes_max=limits.bytes_max,
        )
        attempts = 0
        while True:
            with path.open("wb") as output:
                sink = FileSink(output)
                response = await client.send(request, sink=sink)
            if sink.error is not None:
                raise sink.error  # our own disk failed, not the provider
            attempts += 1
            if attempts > self._retries_after(response, limits):
                return response
            now_ms = self._clock.now_ms()
            await self._clock.sleep(retry_delay_s(response, attempts, rng=self._rng, now_ms=now_ms))
