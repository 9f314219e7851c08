"""The client for servers that the operator has named: any method, JSON and files.

It keeps the promises of ``transport``, and an answer has at most the bytes that its request allows.
A caller that buys something with a request learns whether the request may have arrived.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from ringback.clock import Clock, SystemClock
from ringback.egress.answer import Failure, Limits, Reason
from ringback.egress.body_sink import BodySink
from ringback.egress.connection import Connection, HeadCheck, Sink
from ringback.egress.dial import DialError
from ringback.egress.headers import has_lines, may_be_sent
from ringback.egress.policy import TargetPolicy
from ringback.egress.pool import PoolSettings
from ringback.egress.resolver import OWN, Resolver
from ringback.egress.transport import ClientSettings, Outgoing, Transport
from ringback.egress.url import MalformedTarget, Target, parse_target
from ringback.egress.websocket import Messages, listening

Headers = tuple[tuple[str, str], ...]

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_BODILESS = frozenset({"GET", "DELETE"})
CLIENT_SETTINGS = ClientSettings(pool=PoolSettings(idle_per_origin_max=16, idle_max=64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; ``may_repeat`` when it does no more if it arrives twice than once."""

    method: str
    url: str
    headers: Headers = field(default=(), repr=False)  # they carry the provider's secret
    body: bytes = field(default=b"", repr=False)
    timeout_s: float = 30.0
    bytes_max: int = 4 << 20
    may_repeat: bool = True
    workspace_id: str = OWN  # the look-up of names counts as its
    check: HeadCheck | None = field(default=None, repr=False)  # may refuse an answer by its head


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer, or the reason why there is none; then ``status`` may be None."""

    status: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = field(default=b"", repr=False)
    reason: Reason | None = None
    detail: str = ""  # for the operator's log
    words: str | None = None  # more than the reason, for the person who named the URL
    may_have_arrived: bool = True

    @property
    def is_success(self) -> bool:
        """Say whether the status is a 2xx."""
        return 200 <= (self.status or 0) < 300

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header, named in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class HttpClient:
    """Sends requests and returns their responses; one per event loop and policy."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        settings: ClientSettings = CLIENT_SETTINGS,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._transport = Transport(
            policy,
            settings,
            resolver=resolver,
            ssl_context=ssl_context,
            clock=clock or SystemClock(),
        )

    async def send(self, request: Request, sink: Sink | None = None) -> Response:
        """Return the response; a failure of the network is its ``reason`` and raises nothing.

        A header or method that would break the request is a ``ValueError``. A ``sink`` takes the
        body as it comes, in place of the response; its ``OSError`` becomes the reason. The body is
        decompressed, and counted after that.
        """
        try:
            target = parse_target(request.url)
        except MalformedTarget as exc:
            return _unsent(Reason.BLOCKED_TARGET, exc.detail, "it is no URL that can be called")
        pool = self._transport.pool
        body = BodySink(request.bytes_max, sink=sink, check=request.check)
        outgoing = Outgoing(
            target=target,
            origin=pool.origin(target.origin),
            data=self._written(target, request),
            deadline=asyncio.get_running_loop().time() + request.timeout_s,
            workspace_id=request.workspace_id,
            limits=Limits(
                body_bytes_max=request.bytes_max,
                body_kept_bytes_max=request.bytes_max,
                # Chunked coding in honest sizes costs little; twice the body is enough.
                raw_bytes_max=Limits().head_bytes_max + 2 * request.bytes_max,
            ),
            sink=body.take,
            check=body.begin,
        )
        try:
            exchange = await self._transport.exchange(outgoing, may_reuse=request.may_repeat)
        except DialError as exc:
            return _unsent(exc.reason, exc.detail, exc.words)
        connection = exchange.connection
        response = _response_of(connection, body, request.bytes_max)
        pool.give_back(outgoing.origin, connection, now=connection.ended_at)
        return response

    def listening(
        self,
        url: str,
        *,
        headers: Headers = (),
        message_bytes_max: int,
        open_timeout_s: float = 10.0,
    ) -> AbstractAsyncContextManager[Messages]:
        """Yield the server's messages over a WebSocket at the URL, or raise ``DialError``."""
        return listening(
            self._transport.dialler,
            url,
            headers=headers,
            user_agent=self._settings.user_agent,
            message_bytes_max=message_bytes_max,
            open_timeout_s=open_timeout_s,
        )

    def close(self) -> None:
        """Let go of connections and of the resolver."""
        self._transport.close()

    def _written(self, target: Target, request: Request) -> bytes:
        if request.method not in _METHODS:
            raise ValueError(f"{request.method!r} is not a method that can be sent")
        lines = [
            f"{request.method} {target.path_and_query} HTTP/1.1",
            f"host: {target.host_header}",
            f"user-agent: {self._settings.user_agent}",
            "accept-encoding: identity",
        ]
        if not self._settings.pool.idle_max:
            lines.append("connection: close")
        for name, value in request.headers:
            line = f"{name}: {value}"
            if not _is_whole(name, line):
                # Without the value: it may be the provider's secret.
                raise ValueError(f"the header {name!r} cannot be sent")
            lines.append(line)
        if request.body or request.method not in _BODILESS:
            lines.append(f"content-length: {len(request.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _is_whole(name: str, line: str) -> bool:
    try:
        return may_be_sent(name.encode("ascii")) and has_lines(line.encode("latin-1"), 0)
    except UnicodeEncodeError:
        return False


def _unsent(reason: Reason, detail: str, words: str) -> Response:
    return Response(reason=reason, detail=detail, words=words, may_have_arrived=False)


def _response_of(connection: Connection, body: BodySink, bytes_max: int) -> Response:
    failure = body.end() or connection.failure
    if failure is None and connection.truncated:
        failure = Failure(Reason.TOO_LARGE, f"more than {bytes_max} bytes came")
    return Response(
        status=connection.status_code,
        headers=tuple(connection.headers),
        body=body.content,
        reason=None if failure is None else failure.reason,
        detail="" if failure is None else failure.detail,
        words=body.words,
    )
