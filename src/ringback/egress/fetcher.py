"""Fetches the bytes behind a URL that a job names."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from ringback.clock import Clock
from ringback.egress.answer import Failure, Reason, has_whole_file
from ringback.egress.connection import Connection
from ringback.egress.data_uris import decode_data_url, is_data_uri
from ringback.egress.file_sink import FileSink
from ringback.egress.http_client import HttpClient, Request, Response
from ringback.egress.policy import TargetPolicy
from ringback.egress.pool import PoolSettings
from ringback.egress.references import REDIRECTS_MAX, next_url
from ringback.egress.resolver import OWN, Resolver
from ringback.egress.transport import ClientSettings
from ringback.errors import FetchError


class Download(Protocol):
    """Writes the content of a user's URL to a file, by way of the target policy."""

    async def __call__(self, url: str, path: Path, *, bytes_max: int, workspace_id: str) -> None:
        """Write the bytes as they come, at most so many, or raise ``FetchError``.

        Raises ``OSError`` where the file cannot be written.
        """


class Fetches(Protocol):
    """Gets the content of users' URLs, by way of the target policy."""

    async def get(self, url: str, *, bytes_max: int, workspace_id: str) -> bytes:
        """Return the bytes, at most so many, or raise ``FetchError``."""

    async def download(self, url: str, path: Path, *, bytes_max: int, workspace_id: str) -> None:
        """Write the bytes to a file, as ``Download`` does."""


class Fetcher:
    """Gets bytes from users' URLs; a connection serves one fetch."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        settings: ClientSettings | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        settings = settings or ClientSettings()
        self._timeout_s = settings.total_timeout_s
        self._client = HttpClient(
            policy,
            settings=replace(settings, pool=PoolSettings(idle_per_origin_max=0, idle_max=0)),
            resolver=resolver,
            ssl_context=ssl_context,
            clock=clock,
        )

    async def get(self, url: str, *, bytes_max: int, workspace_id: str = OWN) -> bytes:
        """Return the whole content of an http, https or data URL, or raise ``FetchError``."""
        if is_data_uri(url.strip()):
            return decode_data_url(url, bytes_max=bytes_max)
        return await self._fetched(url, bytes_max, workspace_id)

    async def download(
        self, url: str, path: Path, *, bytes_max: int, workspace_id: str = OWN
    ) -> None:
        """Write the content of an http, https or data URL to a file; little of it is in memory."""
        with path.open("wb") as file:
            if is_data_uri(url.strip()):
                file.write(decode_data_url(url, bytes_max=bytes_max))
                return
            sink = FileSink(file)
            try:
                await self._fetched(url, bytes_max, workspace_id, sink=sink)
            except FetchError:
                if sink.error is not None:
                    raise sink.error from None  # our disk's fault, not the URL's
                raise

    async def _fetched(
        self, url: str, bytes_max: int, workspace_id: str, *, sink: FileSink | None = None
    ) -> bytes:
        """Follow some redirects, each judged like the URL itself, within one deadline."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        for _ in range(REDIRECTS_MAX + 1):
            request = Request(
                method="GET",
                url=url,
                headers=(("accept", "*/*"),),
                timeout_s=max(0.0, deadline - loop.time()),
                bytes_max=bytes_max,
                workspace_id=workspace_id,
                check=partial(_check_head, bytes_max),
            )
            response = await self._client.send(request, sink)
            if response.reason is None:
                return response.body
            reason, following = response.reason, next_url(url, response)
            if following is None:
                break
            url = following
        raise FetchError(reason, response.detail, words=_words(response))

    def close(self) -> None:
        """Let go of connections and of the resolver."""
        self._client.close()


def _check_head(bytes_max: int, connection: Connection) -> Failure | None:
    status = connection.status_code
    assert status is not None
    if 300 <= status < 400:
        return Failure(Reason.REDIRECT, f"answered {status}")
    if not has_whole_file(status, dict(connection.headers).get(b"content-range")):
        return Failure(Reason.STATUS, f"answered {status}")
    for name, value in connection.headers:
        if name == b"content-length" and int(value) > bytes_max:
            detail = f"announced {int(value)} bytes; {bytes_max} are allowed"
            return Failure(Reason.TOO_LARGE, detail)
    return None


def _words(response: Response) -> str | None:
    if response.reason is Reason.REDIRECT:
        return f"it redirects more than {REDIRECTS_MAX} times, or to no URL"
    if response.reason is Reason.STATUS:
        return f"it answered {response.status}"
    return response.words
