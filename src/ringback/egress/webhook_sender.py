"""Posts webhooks: our own HTTP/1.1 client, because no other keeps promise 5 at this speed.

It keeps the promises of ``transport``. The answer is never decompressed. The status line of a whole
answer is the verdict: bytes that a receiver sends beyond 64 KiB are not read, and do not undo its
2xx. Neither does a framing that breaks the rules of HTTP; only its connection is not used again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from ringback.clock import Clock, SystemClock
from ringback.egress.answer import Answer, Reason, Timings, verdict
from ringback.egress.connection import Connection
from ringback.egress.dial import DialError
from ringback.egress.headers import has_lines, may_be_sent
from ringback.egress.policy import BlockedTarget, TargetPolicy
from ringback.egress.pool import Origin
from ringback.egress.resolver import OWN, Resolver
from ringback.egress.transport import CLOSED, ClientSettings, Outgoing, Transport
from ringback.egress.url import MalformedTarget, Target, parse_target

_OWN_LINE_ENDS = 2  # within a route's head, before the first of the caller's headers
_NAMES_MAX = 256
_ROUTES_MAX = 4_096
_name_of = itemgetter(0)
_line_of = b": ".join


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """A URL that was parsed and checked, and the part of its requests that never changes."""

    target: Target
    origin: Origin
    head: bytes  # without its last line end


class WebhookSender:
    """Posts to users' URLs and returns the answers; one per event loop, shared by all."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        settings: ClientSettings | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._policy = policy
        self._settings = settings or ClientSettings()
        clock = clock or SystemClock()
        self._monotonic = clock.monotonic
        self._transport = Transport(
            policy,
            self._settings,
            resolver=resolver,
            ssl_context=ssl_context,
            clock=clock,
            reads_odd_answers=True,
        )
        self._pool = self._transport.pool
        self._routes: dict[str, _Route] = {}
        self._known_names: set[bytes] = set()
        self._posts_under_way = 0
        self._quiet = asyncio.Event()

    async def post(
        self,
        target_url: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        workspace_id: str = OWN,
    ) -> Answer:
        """Return the receiver's answer, or why there is none; the network raises nothing.

        Look-ups of names count as ``workspace_id``'s, which has a share of all at once.
        ``headers`` come without host and content-length, which are the sender's. A control
        character in one is a ``ValueError``: it would be the caller's mistake, not the network's.
        """
        started = self._monotonic()
        if self._transport.is_closed:
            return self._no_answer(started, Reason.CONNECT, CLOSED, words=None)
        try:
            route = self._routes.get(target_url) or self._route(target_url)
        except BlockedTarget as exc:
            return self._no_answer(started, Reason.BLOCKED_TARGET, exc.detail, words=exc.words)
        except MalformedTarget as exc:
            return self._no_answer(started, Reason.BLOCKED_TARGET, exc.detail, words=None)
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
                if idle.failure is None or not self._transport.may_send_again(idle):
                    return self._answer(started, route, idle, is_reused=True)
            outgoing = Outgoing(route.target, route.origin, data, deadline, workspace_id)
            connection, is_reused, dns_ms = await self._transport.exchange(
                outgoing, may_reuse=idle is None
            )
            return self._answer(started, route, connection, is_reused=is_reused, dns_ms=dns_ms)
        except DialError as exc:
            return self._no_answer(started, exc.reason, exc.detail, words=exc.words)
        finally:
            self._posts_under_way -= 1
            if not self._posts_under_way:
                self._quiet.set()

    async def drain(self) -> None:
        """Return when no post is under way."""
        while self._posts_under_way:
            self._quiet.clear()
            await self._quiet.wait()

    async def close(self) -> None:
        """Close every connection; posts under way are answered as failed. Returns when all are."""
        self._transport.stop()
        await self.drain()
        await self._transport.all_lost()
        self._transport.close()

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
            words=None if failure is None else failure.detail,
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

    def _no_answer(
        self, started: float, reason: Reason, detail: str, *, words: str | None
    ) -> Answer:
        timings = Timings(total_ms=(self._monotonic() - started) * 1000)
        return Answer(reason=reason, detail=detail, words=words, timings=timings)

    def _route(self, target_url: str) -> _Route:
        target = parse_target(target_url)
        self._policy.check_url(target)
        head = head_of(target)
        origin = self._pool.origin(target.origin)
        route = _Route(target=target, origin=origin, head=head.encode("ascii"))
        if len(self._routes) >= _ROUTES_MAX:
            del self._routes[next(iter(self._routes))]
        self._routes[target_url] = route
        return route

    def _request(self, route: _Route, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
        if not self._known_names.issuperset(map(_name_of, headers)):
            self._check_names(headers)
        head = b"\r\n".join((route.head, *map(_line_of, headers)))
        if not has_lines(head, _OWN_LINE_ENDS + len(headers)):
            raise ValueError("a header's value must not have control characters")
        return b"%b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body)

    def _check_names(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        known = self._known_names
        for name, _ in headers:
            if name not in known:
                if not may_be_sent(name):
                    raise ValueError(f"{name!r} is not a header that a webhook may carry")
                if len(known) < _NAMES_MAX:
                    known.add(name)

    def _deadline(self) -> float:
        """Return when a post that begins now must have ended, in the event loop's time."""
        return asyncio.get_running_loop().time() + self._settings.total_timeout_s


def head_of(target: Target) -> str:
    """Return the first lines of every request to a target, without the last line's end."""
    return (
        f"POST {target.path_and_query} HTTP/1.1\r\n"
        f"host: {target.host_header}\r\n"
        "accept-encoding: identity"
    )
