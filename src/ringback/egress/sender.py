"""Posts webhooks: our own HTTP/1.1 client, because no other keeps promise 5 at this speed.

One total deadline covers DNS, connect, TLS, write and answer. Redirects are never followed, the
answer is never decompressed, and environment proxies are ignored. The status line of a whole
answer is the verdict: what a receiver says beyond 64 KiB is not read, and does not undo its 2xx.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import itemgetter

from ringback.clock import Clock, SystemClock
from ringback.egress.answer import Answer, Reason, Timings, verdict
from ringback.egress.connection import Connection, Limits
from ringback.egress.cork import Cork
from ringback.egress.dial import DialError, DialSettings, Resolver, SystemResolver, system_trust
from ringback.egress.policy import BlockedTarget, TargetPolicy
from ringback.egress.pool import Origin, Pool, PoolSettings
from ringback.egress.proxy import EgressProxy, make_dialler
from ringback.egress.url import MalformedTarget, Target, parse_target

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# These are the sender's own, and a second one would let a receiver read the request two ways.
_OWN_HEADERS = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"accept-encoding"}
)
_MAY_STAND_IN_A_LINE = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
_OWN_LINE_ENDS = 2  # within a route's head, before the first of the caller's headers
_NAMES_MAX = 256
_ROUTES_MAX = 4_096
_name_of = itemgetter(0)
_line_of = b": ".join


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderSettings:
    """How long an attempt may take and how much of its answer is read."""

    total_timeout_s: float = 15.0
    connect_timeout_s: float = 5.0  # per address
    dns_timeout_s: float = 2.0
    egress_proxy: EgressProxy | None = None  # None: addresses are judged and dialled here
    limits: Limits = field(default_factory=Limits)
    pool: PoolSettings = field(default_factory=PoolSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """A URL that was parsed and judged, and the part of its requests that never changes."""

    target: Target
    origin: Origin
    head: bytes  # without its last line end


class Sender:
    """Posts to users' URLs and says what came of it; one per event loop, shared by all."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        settings: SenderSettings | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._policy = policy
        self._settings = settings or SenderSettings()
        self._clock = clock or SystemClock()
        self._monotonic = self._clock.monotonic
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
        self._cork = Cork()
        self._pool = Pool(self._settings.pool, self._clock)
        self._routes: dict[str, _Route] = {}
        self._known_names: set[bytes] = set()
        self._open: set[Connection] = set()
        self._dials: set[asyncio.Timeout] = set()
        self._posts_under_way = 0
        self._quiet = asyncio.Event()
        self._all_lost = asyncio.Event()
        self._closed = False

    async def post(
        self, target_url: str, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> Answer:
        """Return what the receiver answered, or why it did not; nothing of the network's raises.

        ``headers`` come without host and content-length, which are the sender's. A control
        character in one is a ``ValueError``: it would be the caller's mistake, not the network's.
        """
        started = self._monotonic()
        if self._closed:
            return self._no_answer(started, Reason.CONNECT, "the sender is closed")
        try:
            route = self._routes.get(target_url) or self._route(target_url)
        except (BlockedTarget, MalformedTarget) as exc:
            return self._no_answer(started, Reason.BLOCKED_TARGET, exc.detail)
        data = self._request(route, headers, body)
        deadline = self._deadline()
        self._posts_under_way += 1
        try:
            idle = self._pool.take(route.origin, now=started)
            if idle is not None:
                try:
                    await idle.request(data, deadline=deadline, now=started)
                except asyncio.CancelledError:
                    idle.abort()
                    raise
                if idle.failure is None or not self._is_owed_another(idle):
                    return self._answer(started, route, idle, is_reused=True)
            return await self._post_slowly(started, route, data, deadline, may_reuse=idle is None)
        finally:
            self._posts_under_way -= 1
            if not self._posts_under_way:
                self._quiet.set()

    async def _post_slowly(
        self, started: float, route: _Route, data: bytes, deadline: float, *, may_reuse: bool
    ) -> Answer:
        """Look up and judge the target's addresses, then post over a connection to one of them."""
        asked = self._monotonic()
        try:
            async with self._until(deadline):
                addresses = await self._dialler.judged_addresses(route.target)
                judged = self._monotonic()
                self._pool.judged(route.origin, addresses, now=judged)
                idle = self._pool.take(route.origin, now=judged) if may_reuse else None
                connection = idle or await self._dial(route.target, addresses)
        except TimeoutError:
            if self._closed:
                return self._no_answer(started, Reason.CONNECT, "the sender is closed")
            return self._no_answer(started, Reason.TIMEOUT, "no connection by the deadline")
        except DialError as exc:
            return self._no_answer(started, exc.reason, exc.detail)
        try:
            await connection.request(data, deadline=deadline, now=self._monotonic())
        except asyncio.CancelledError:
            connection.abort()
            raise
        if idle is not None and self._is_owed_another(idle):
            return await self._post_slowly(started, route, data, deadline, may_reuse=False)
        dns_ms = (judged - asked) * 1000 if self._dialler.looks_up(route.target) else None
        return self._answer(started, route, connection, is_reused=idle is not None, dns_ms=dns_ms)

    async def drain(self) -> None:
        """Return when no post is under way."""
        while self._posts_under_way:
            self._quiet.clear()
            await self._quiet.wait()

    async def close(self) -> None:
        """Close every connection; posts under way are answered as failed. Returns when all are."""
        self._closed = True
        self._pool.close()
        for connection in list(self._open):
            connection.abort()
        for limit in self._dials:
            limit.reschedule(0)
        await self.drain()
        while self._open:
            self._all_lost.clear()
            await self._all_lost.wait()
        if self._own_resolver is not None:
            self._own_resolver.close()

    def _is_owed_another(self, connection: Connection) -> bool:
        """Say whether an idle connection died just as it was used, having said nothing."""
        return connection.died_unheard and not self._closed

    def _answer(
        self,
        started: float,
        route: _Route,
        connection: Connection,
        *,
        is_reused: bool,
        dns_ms: float | None = None,
    ) -> Answer:
        failure = connection.failure
        status = connection.status_code
        if failure is not None:
            reason: Reason | None = failure.reason
        else:
            assert status is not None
            reason = verdict(status)
        first_byte_at = connection.first_byte_at
        ended_at = connection.ended_at
        answer = Answer(
            status_code=status,
            reason=reason,
            headers=tuple(connection.headers),
            body=connection.body,
            truncated=connection.truncated,
            address=connection.address,
            detail="" if failure is None else failure.detail,
            reused=is_reused,
            timings=Timings(
                total_ms=(ended_at - started) * 1000,
                dns_ms=dns_ms,
                connect_ms=None if is_reused else connection.connect_ms,
                tls_ms=None if is_reused else connection.tls_ms,
                first_byte_ms=(
                    None
                    if first_byte_at is None
                    else (first_byte_at - connection.requested_at) * 1000
                ),
            ),
        )
        self._pool.give_back(route.origin, connection, now=ended_at)
        return answer

    def _no_answer(self, started: float, reason: Reason, detail: str) -> Answer:
        timings = Timings(total_ms=(self._monotonic() - started) * 1000)
        return Answer(reason=reason, detail=detail, timings=timings)

    def _route(self, target_url: str) -> _Route:
        target = parse_target(target_url)
        self._policy.judge_url(target)
        head = head_of(target)
        origin = self._pool.origin(target.origin)
        route = _Route(target=target, origin=origin, head=head.encode("ascii"))
        if len(self._routes) >= _ROUTES_MAX:
            del self._routes[next(iter(self._routes))]
        self._routes[target_url] = route
        return route

    def _request(self, route: _Route, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
        if not self._known_names.issuperset(map(_name_of, headers)):
            self._judge_names(headers)
        head = b"\r\n".join((route.head, *map(_line_of, headers)))
        # One line per header and no control character beside: nothing can be smuggled in a value.
        if head.translate(None, _MAY_STAND_IN_A_LINE) != b"\r\n" * (_OWN_LINE_ENDS + len(headers)):
            raise ValueError("a header's value must not have control characters")
        return b"%b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body)

    def _judge_names(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        known = self._known_names
        for name, _ in headers:
            if name not in known:
                _judge_name(name)
                if len(known) < _NAMES_MAX:
                    known.add(name)

    def _deadline(self) -> float:
        """Return when a post that begins now must have ended, in the event loop's time."""
        return asyncio.get_running_loop().time() + self._settings.total_timeout_s

    @asynccontextmanager
    async def _until(self, deadline: float) -> AsyncIterator[None]:
        """Raise ``TimeoutError`` at the deadline, or as soon as the sender is closed."""
        async with asyncio.timeout_at(deadline) as limit:
            self._dials.add(limit)
            try:
                yield
            finally:
                self._dials.discard(limit)

    async def _dial(self, target: Target, addresses: Sequence[str | None]) -> Connection:
        connection = await self._dialler.dial(target, addresses, self._make)
        if connection.is_open:
            self._open.add(connection)
        if self._closed:
            connection.abort()
        return connection

    def _make(self, address: str | None) -> Connection:
        return Connection(
            address,
            limits=self._settings.limits,
            clock=self._clock,
            cork=self._cork,
            on_lost=self._forget,
        )

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._all_lost.set()


def _judge_name(name: bytes) -> None:
    if not _TOKEN.fullmatch(name) or name.lower() in _OWN_HEADERS:
        raise ValueError(f"{name!r} is not a header that a webhook may carry")


def head_of(target: Target) -> str:
    """Return the first lines of every request to a target, without the last line's end."""
    return (
        f"POST {target.path_and_query} HTTP/1.1\r\n"
        f"host: {target.host_header}\r\n"
        "accept-encoding: identity"
    )
