"""The connections under the HTTP clients: one exchange at a time over a pooled or a new one.

The webhook sender, the fetcher and the providers' client share these promises: addresses are
checked and pinned, one total deadline covers DNS, connect, TLS, write and answer, and redirects
and environment proxies are never followed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from ringback.clock import Clock
from ringback.egress.answer import Limits, Reason
from ringback.egress.connection import Connection, HeadCheck, Sink
from ringback.egress.dial import DialError, DialSettings, system_trust
from ringback.egress.policy import TargetPolicy
from ringback.egress.pool import Origin, Pool, PoolSettings
from ringback.egress.proxy import EgressProxy, make_dialler
from ringback.egress.resolver import OWN, Resolver, SystemResolver
from ringback.egress.url import Target
from ringback.egress.write_batching import WriteBatch

CLOSED = "the client is closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings(DialSettings):
    """The time limits of a request, the limits of its answer, and the pool of connections."""

    total_timeout_s: float = 15.0
    egress_proxy: EgressProxy | None = None  # None: addresses are checked and dialled here
    limits: Limits = field(default_factory=Limits)
    pool: PoolSettings = field(default_factory=PoolSettings)
    user_agent: str = "Ringback"


class Outgoing(NamedTuple):
    """A request as it is written, and how its answer is read."""

    target: Target
    origin: Origin
    data: bytes
    deadline: float  # in the event loop's time
    workspace_id: str = OWN
    limits: Limits | None = None
    sink: Sink | None = None
    check: HeadCheck | None = None


class Exchange(NamedTuple):
    """A connection that holds an answer, or the reason why none came."""

    connection: Connection
    is_reused: bool
    dns_ms: float | None = None  # None: no name was looked up


class Transport:
    """Dials, pools and closes the connections of one client; one per event loop."""

    def __init__(
        self,
        policy: TargetPolicy,
        settings: ClientSettings,
        *,
        resolver: Resolver | None,
        ssl_context: ssl.SSLContext | None,
        clock: Clock,
        reads_odd_answers: bool = False,
    ) -> None:
        self._clock = clock
        self._reads_odd_answers = reads_odd_answers
        self._monotonic = clock.monotonic
        self._limits = settings.limits
        self._own_resolver: SystemResolver | None = None
        if resolver is None:
            resolver = self._own_resolver = SystemResolver(
                timeout_s=settings.dns_timeout_s, clock=clock
            )
        self.dialler = make_dialler(
            policy,
            proxy=settings.egress_proxy,
            resolver=resolver,
            ssl_context=ssl_context or system_trust(),
            clock=clock,
            settings=settings,
        )
        self.pool = Pool(settings.pool, clock)
        self._writes = WriteBatch()
        self._open: set[Connection] = set()
        self._dials: set[asyncio.Timeout] = set()
        self._all_lost = asyncio.Event()
        self.is_closed = False

    async def exchange(self, outgoing: Outgoing, *, may_reuse: bool) -> Exchange:
        """Send a request and return the connection with its answer, or raise ``DialError``.

        With ``may_reuse`` it may go over an idle connection, and is sent again if that was lost
        before a byte of the answer came: then nobody knows whether the request arrived.
        """
        if may_reuse:
            idle = self.pool.take(outgoing.origin, now=self._monotonic())
            if idle is not None:
                await self._send(idle, outgoing)
                if not self.may_send_again(idle):
                    return Exchange(idle, is_reused=True)
                may_reuse = False
        connection, is_reused, dns_ms = await self._connected(outgoing, may_reuse)
        await self._send(connection, outgoing)
        if is_reused and self.may_send_again(connection):
            return await self.exchange(outgoing, may_reuse=False)
        return Exchange(connection, is_reused, dns_ms)

    def may_send_again(self, idle: Connection) -> bool:
        """Say whether an idle connection died just as it was used, before any answer."""
        return idle.died_unheard and not self.is_closed

    def stop(self) -> None:
        """Close every connection: requests under way fail, and none begins."""
        self.is_closed = True
        self.pool.close()
        for connection in list(self._open):
            connection.abort()
        for limit in self._dials:
            limit.reschedule(0)

    async def all_lost(self) -> None:
        """Return when no connection is open."""
        while self._open:
            self._all_lost.clear()
            await self._all_lost.wait()

    def close(self) -> None:
        """Close every connection, and the resolver unless it is the caller's."""
        self.stop()
        if self._own_resolver is not None:
            self._own_resolver.close()

    async def _connected(self, outgoing: Outgoing, may_reuse: bool) -> Exchange:
        """Return a connection to an address that was checked just now."""
        target, origin = outgoing.target, outgoing.origin
        started = self._monotonic()
        async with self._until(outgoing.deadline):
            addresses = await self.dialler.checked_addresses(
                target, workspace_id=outgoing.workspace_id
            )
            checked_at = self._monotonic()
            self.pool.note(origin, addresses, now=checked_at)
            idle = self.pool.take(origin, now=checked_at) if may_reuse else None
            connection = idle or await self._dial(target, addresses)
        dns_ms = (checked_at - started) * 1000 if self.dialler.looks_up(target) else None
        return Exchange(connection, is_reused=idle is not None, dns_ms=dns_ms)

    async def _send(self, connection: Connection, outgoing: Outgoing) -> None:
        try:
            await connection.request(
                outgoing.data,
                deadline=outgoing.deadline,
                now=self._monotonic(),
                limits=outgoing.limits,
                sink=outgoing.sink,
                check=outgoing.check,
            )
        except asyncio.CancelledError:
            connection.abort()
            raise

    @asynccontextmanager
    async def _until(self, deadline: float) -> AsyncIterator[None]:
        """Raise ``DialError`` at the deadline, or as soon as the client is closed."""
        try:
            async with asyncio.timeout_at(deadline) as limit:
                self._dials.add(limit)
                try:
                    yield
                finally:
                    self._dials.discard(limit)
        except TimeoutError as exc:
            if self.is_closed:
                raise DialError(Reason.CONNECT, CLOSED) from exc
            raise DialError(Reason.TIMEOUT, "no connection by the deadline") from exc

    async def _dial(self, target: Target, addresses: Sequence[str | None]) -> Connection:
        connection = await self.dialler.dial(target, addresses, self._make)
        if connection.is_open:
            self._open.add(connection)
        if self.is_closed:
            connection.abort()
        return connection

    def _make(self, address: str | None) -> Connection:
        return Connection(
            address,
            limits=self._limits,
            clock=self._clock,
            writes=self._writes,
            on_lost=self._forget,
            reads_odd_answers=self._reads_odd_answers,
        )

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._all_lost.set()
