"""Asks servers that the operator has named: any method, JSON and files, through the same door.

What is promised of webhooks holds here too: addresses are judged and pinned, one total deadline
covers everything, redirects are never followed, answers are capped and never decompressed.
Whoever buys something with a request learns whether it may have arrived.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from ringback.clock import Clock, SystemClock
from ringback.egress.answer import Reason
from ringback.egress.connection import Connection, Limits
from ringback.egress.cork import Cork
from ringback.egress.dial import DialError, DialSettings, Resolver, SystemResolver, system_trust
from ringback.egress.policy import TargetPolicy
from ringback.egress.pool import Origin, Pool, PoolSettings
from ringback.egress.proxy import EgressProxy, make_dialler
from ringback.egress.url import MalformedTarget, Target, parse_target
from ringback.egress.websocket import Messages, listening

Headers = tuple[tuple[str, str], ...]
Sink = Callable[[bytes], object]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OWN = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_BODILESS = frozenset({"GET", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; ``may_repeat`` when it does no more if it arrives twice than once."""

    method: str
    url: str
    headers: Headers = field(default=(), repr=False)  # they carry the provider's secret
    body: bytes = field(default=b"", repr=False)
    timeout_s: float = 30.0
    bytes_max: int = 4 << 20
    may_repeat: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer, or why there is none: then ``reason`` is set and ``status`` may be None."""

    status: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = field(default=b"", repr=False)
    reason: Reason | None = None
    detail: str = ""  # for the operator's log
    may_have_arrived: bool = True

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header, named in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class Caller:
    """Asks and says what came of it; one per event loop and policy."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        connect_timeout_s: float = 5.0,
        dns_timeout_s: float = 2.0,
        egress_proxy: EgressProxy | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        user_agent: str = "Ringback",
    ) -> None:
        self._clock = clock or SystemClock()
        self._user_agent = user_agent
        self._cork = Cork()
        self._pool = Pool(PoolSettings(idle_per_origin_max=16, idle_max=64), self._clock)
        self._own_resolver: SystemResolver | None = None
        if resolver is None:
            resolver = self._own_resolver = SystemResolver()
        self._dialler = make_dialler(
            policy,
            proxy=egress_proxy,
            resolver=resolver,
            ssl_context=ssl_context or system_trust(),
            clock=self._clock,
            settings=DialSettings(dns_timeout_s=dns_timeout_s, connect_timeout_s=connect_timeout_s),
        )

    async def ask(self, call: Call, sink: Sink | None = None) -> Reply:
        """Return the answer, or why there is none; nothing of the network's raises.

        A header or method that would break the request is a ``ValueError``. A ``sink`` takes the
        body as it comes, in place of the reply; where it raises ``OSError``, the reply says so.
        """
        try:
            target = parse_target(call.url)
        except MalformedTarget as exc:
            return _unsent(Reason.BLOCKED_TARGET, exc.detail)
        data = self._request(target, call)
        deadline = asyncio.get_running_loop().time() + call.timeout_s
        origin = self._pool.origin(target.origin)
        # An idle connection may die just as it is used: then nobody knows whether it was heard.
        idle = self._pool.take(origin, now=self._clock.monotonic()) if call.may_repeat else None
        if idle is not None:
            await self._send(idle, data, call, deadline, sink)
            if not idle.died_unheard:
                return self._reply(origin, idle)
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._dialler.judged_addresses(target)
                self._pool.judged(origin, addresses, now=self._clock.monotonic())
                connection = await self._dialler.dial(target, addresses, self._make)
        except TimeoutError:
            return _unsent(Reason.CONNECT, "no connection by the deadline")
        except DialError as exc:
            return _unsent(exc.reason, exc.detail)
        await self._send(connection, data, call, deadline, sink)
        return self._reply(origin, connection)

    def listening(
        self,
        url: str,
        *,
        headers: Headers = (),
        message_bytes_max: int,
        open_timeout_s: float = 10.0,
    ) -> AbstractAsyncContextManager[Messages]:
        """Yield what the server says over a WebSocket at the URL, or raise ``DialError``."""
        return listening(
            self._dialler,
            url,
            headers=headers,
            user_agent=self._user_agent,
            message_bytes_max=message_bytes_max,
            open_timeout_s=open_timeout_s,
        )

    def close(self) -> None:
        """Let go of connections and of the resolver's threads."""
        self._pool.close()
        if self._own_resolver is not None:
            self._own_resolver.close()

    async def _send(
        self,
        connection: Connection,
        data: bytes,
        call: Call,
        deadline: float,
        sink: Sink | None,
    ) -> None:
        limits = Limits(
            body_bytes_max=call.bytes_max,
            body_kept_bytes_max=call.bytes_max,
            raw_bytes_max=Limits().head_bytes_max + 2 * call.bytes_max,
        )
        now = self._clock.monotonic()
        try:
            await connection.request(data, deadline=deadline, now=now, limits=limits, sink=sink)
        except asyncio.CancelledError:
            connection.abort()
            raise

    def _reply(self, origin: Origin, connection: Connection) -> Reply:
        reply = _reply_of(connection)
        self._pool.give_back(origin, connection, now=connection.ended_at)
        return reply

    def _make(self, address: str | None) -> Connection:
        return Connection(address, limits=Limits(), clock=self._clock, cork=self._cork)

    def _request(self, target: Target, call: Call) -> bytes:
        if call.method not in _METHODS:
            raise ValueError(f"{call.method!r} is not a method that is asked with")
        lines = [
            f"{call.method} {target.path_and_query} HTTP/1.1",
            f"host: {target.host_header}",
            f"user-agent: {self._user_agent}",
            "accept-encoding: identity",
        ]
        for name, value in call.headers:
            if not _NAME.fullmatch(name) or name.lower() in _OWN or not _VALUE.fullmatch(value):
                # Without the value: it may be the provider's secret.
                raise ValueError(f"the header {name!r} cannot be sent")
            lines.append(f"{name}: {value}")
        if call.body or call.method not in _BODILESS:
            lines.append(f"content-length: {len(call.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + call.body


def _unsent(reason: Reason, detail: str) -> Reply:
    return Reply(reason=reason, detail=detail, may_have_arrived=False)


def _reply_of(connection: Connection) -> Reply:
    reason, detail = None, ""
    coding = next((v for k, v in connection.headers if k == b"content-encoding"), b"identity")
    if connection.failure is not None:
        reason, detail = connection.failure.reason, connection.failure.detail
    elif connection.truncated:
        reason, detail = Reason.TOO_LARGE, "more bytes came than are read"
    elif coding.strip().lower() not in (b"", b"identity"):
        reason, detail = Reason.PROTOCOL, "the answer is compressed, which was not asked for"
    return Reply(
        status=connection.status_code,
        headers=tuple(connection.headers),
        body=connection.body,
        reason=reason,
        detail=detail,
    )
