"""Fetches the bytes behind a URL that a job names, through the same door as the webhooks."""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64decode
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_to_bytes

from ringback.clock import Clock, SystemClock
from ringback.egress.answer import Reason
from ringback.egress.connection import Connection, Failure, Limits
from ringback.egress.cork import Cork
from ringback.egress.dial import DialError, DialSettings, Resolver, SystemResolver, system_trust
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy, make_dialler
from ringback.egress.url import MalformedTarget, Target, parse_target
from ringback.errors import FetchError

_DATA_URL = re.compile(r"data:(?P<type>[^,]*),", re.IGNORECASE)
_BASE64 = re.compile(r";\s*base64\s*$", re.IGNORECASE)
_ENCODED_PER_BYTE = 3  # %41 is the longest spelling of a byte


class Fetch(Protocol):
    """Gets what is behind a user's URL, by way of the target policy."""

    async def __call__(self, url: str, *, bytes_max: int) -> bytes:
        """Return the bytes, at most so many, or raise ``FetchError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetcherSettings:
    """How long a fetch may take."""

    total_timeout_s: float = 15.0
    connect_timeout_s: float = 5.0  # per address
    dns_timeout_s: float = 2.0
    egress_proxy: EgressProxy | None = None
    user_agent: str = "Ringback"


class Fetcher:
    """Gets bytes from users' URLs; a connection serves one fetch."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        settings: FetcherSettings | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings or FetcherSettings()
        self._clock = clock or SystemClock()
        self._cork = Cork()
        self._own_resolver: SystemResolver | None = None
        if resolver is None:
            resolver = self._own_resolver = SystemResolver()
        self._dialler = make_dialler(
            policy,
            proxy=self._settings.egress_proxy,
            resolver=resolver,
            ssl_context=ssl_context or system_trust(),
            clock=self._clock,
            settings=DialSettings(
                dns_timeout_s=self._settings.dns_timeout_s,
                connect_timeout_s=self._settings.connect_timeout_s,
            ),
        )

    async def get(self, url: str, *, bytes_max: int) -> bytes:
        """Return the whole content of an http, https or data URL, or raise ``FetchError``."""
        if url[:5].lower() == "data:":
            return decode_data_url(url, bytes_max=bytes_max)
        try:
            target = parse_target(url)
        except MalformedTarget as exc:
            raise FetchError(Reason.BLOCKED_TARGET, exc.detail) from exc
        deadline = asyncio.get_running_loop().time() + self._settings.total_timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._dialler.judged_addresses(target)
                connection = await self._dialler.dial(
                    target, addresses, lambda address: self._make(address, bytes_max)
                )
        except TimeoutError as exc:
            raise FetchError(Reason.TIMEOUT, "no connection by the deadline") from exc
        except DialError as exc:
            raise FetchError(exc.reason, exc.detail) from exc
        try:
            await connection.request(
                self._request(target), deadline=deadline, now=self._clock.monotonic()
            )
        finally:
            connection.abort()
        if connection.failure is not None:
            raise FetchError(connection.failure.reason, connection.failure.detail)
        if connection.truncated:
            raise FetchError(Reason.TOO_LARGE, f"more than {bytes_max} bytes came")
        return connection.body

    def close(self) -> None:
        """Let go of the resolver's threads."""
        if self._own_resolver is not None:
            self._own_resolver.close()

    def _make(self, address: str | None, bytes_max: int) -> Connection:
        head_bytes_max = Limits().head_bytes_max
        limits = Limits(
            body_bytes_max=bytes_max,
            body_kept_bytes_max=bytes_max,
            # Chunked coding in honest sizes costs little; twice the body is room enough.
            raw_bytes_max=head_bytes_max + 2 * bytes_max,
        )
        return Connection(
            address,
            limits=limits,
            clock=self._clock,
            cork=self._cork,
            on_head=lambda connection: _judge_head(connection, bytes_max),
        )

    def _request(self, target: Target) -> bytes:
        return (
            f"GET {target.path_and_query} HTTP/1.1\r\n"
            f"host: {target.host_header}\r\n"
            f"user-agent: {self._settings.user_agent}\r\n"
            "accept: */*\r\n"
            "accept-encoding: identity\r\n"
            "connection: close\r\n\r\n"
        ).encode("latin-1")


def _judge_head(connection: Connection, bytes_max: int) -> Failure | None:
    status = connection.status_code
    assert status is not None
    if 300 <= status < 400:
        return Failure(reason=Reason.REDIRECT, detail=f"answered {status}; not followed")
    if status != 200:
        return Failure(reason=Reason.STATUS, detail=f"answered {status}")
    for name, value in connection.headers:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return Failure(reason=Reason.PROTOCOL, detail=f"sent {value!r}, which was not asked")
        if name == b"content-length" and int(value) > bytes_max:
            detail = f"announced {int(value)} bytes; {bytes_max} are allowed"
            return Failure(reason=Reason.TOO_LARGE, detail=detail)
    return None


def decode_data_url(url: str, *, bytes_max: int) -> bytes:
    """Return what a data URL (RFC 2397) carries; its size is judged before it is decoded."""
    split = _DATA_URL.match(url)
    if split is None:
        raise FetchError(Reason.PROTOCOL, "a data URL needs a comma before its data")
    is_base64 = _BASE64.search(split["type"]) is not None
    data_length = len(url) - split.end()
    # The least that so many characters can stand for; an exact count follows the decoding.
    bytes_least = data_length // (4 * _ENCODED_PER_BYTE) * 3 if is_base64 else data_length // 3
    if bytes_least > bytes_max:
        raise FetchError(Reason.TOO_LARGE, f"more than {bytes_max} bytes in a data URL")
    decoded = unquote_to_bytes(url[split.end() :])
    if is_base64:
        if len(decoded) // 4 * 3 > bytes_max + 2:
            raise FetchError(Reason.TOO_LARGE, f"more than {bytes_max} bytes in a data URL")
        decoded = _decode_base64(decoded)
    if len(decoded) > bytes_max:
        raise FetchError(Reason.TOO_LARGE, f"more than {bytes_max} bytes in a data URL")
    return decoded


def _decode_base64(data: bytes) -> bytes:
    try:
        return b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except ValueError as exc:
        raise FetchError(Reason.PROTOCOL, "the data URL is not valid base64") from exc
