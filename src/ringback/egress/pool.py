"""Open connections that wait for their next request, by origin and checked address."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from ringback.clock import Clock
from ringback.egress.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How many connections may wait, and for how long."""

    idle_per_origin_max: int = 128
    idle_max: int = 1_024
    idle_age_s_max: float = 20.0
    connection_age_s_max: float = 120.0
    checked_age_s_max: float = 30.0  # how long a look at the DNS speaks for open connections


class Origin:
    """One origin: its addresses, as last checked, and its idle connections."""

    __slots__ = ("__weakref__", "addresses", "checked_until", "idle", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.addresses: Sequence[str | None] = ()
        self.checked_until = 0.0
        self.idle: list[Connection] = []  # the warmest last


class Pool:
    """Idle connections, bounded in number and age.

    A connection is used again only while its address is among those that its origin's name had,
    checked as a whole, not longer than ``checked_age_s_max`` ago. So a name that has come to point
    elsewhere takes its requests along within that time, and one that has come to point at a
    forbidden address gets no more of them; the fast path pays a comparison for it, not a look-up.
    """

    def __init__(self, settings: PoolSettings, clock: Clock) -> None:
        self._settings = settings
        self._monotonic = clock.monotonic
        self._origins: WeakValueDictionary[str, Origin] = WeakValueDictionary()
        self._with_idle: set[Origin] = set()
        self._idle_count = 0
        self._sweeper: asyncio.TimerHandle | None = None

    def origin(self, name: str) -> Origin:
        """Return the one record of an origin; it is kept while someone holds it, or it has idle."""
        origin = self._origins.get(name)
        if origin is None:
            origin = self._origins[name] = Origin(name)
        return origin

    def note(self, origin: Origin, addresses: Sequence[str | None], *, now: float) -> None:
        """Note the addresses that the origin has, all of which passed the policy."""
        origin.addresses = addresses
        origin.checked_until = now + self._settings.checked_age_s_max

    def take(self, origin: Origin, *, now: float) -> Connection | None:
        """Return an open connection, or None; ``now`` is the clock's monotonic."""
        idle = origin.idle
        if now >= origin.checked_until:
            return None
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if _is_fit(connection, origin, now):
                return connection
            connection.close()
        return None

    def give_back(self, origin: Origin, connection: Connection, *, now: float) -> None:
        """Keep the connection for the next request, if it is fit and the pool is not full."""
        if not connection.reusable:
            connection.close()
            return
        settings = self._settings
        idle = origin.idle
        if len(idle) >= settings.idle_per_origin_max or self._idle_count >= settings.idle_max:
            connection.close()
            return
        connection.usable_until = min(
            now + settings.idle_age_s_max, connection.opened_at + settings.connection_age_s_max
        )
        if not idle:
            self._with_idle.add(origin)
        idle.append(connection)
        self._idle_count += 1
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(settings.idle_age_s_max, self.sweep)

    def sweep(self) -> None:
        """Close connections that are too old or that the other side closed; drop empty origins."""
        self._sweeper = None
        now = self._monotonic()
        for origin in list(self._with_idle):
            fit = [c for c in origin.idle if _is_fit(c, origin, now)]
            for connection in set(origin.idle).difference(fit):
                connection.close()
            self._idle_count -= len(origin.idle) - len(fit)
            origin.idle = fit
            if not fit:
                self._with_idle.discard(origin)
        if self._with_idle:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(self._settings.idle_age_s_max, self.sweep)

    def close(self) -> None:
        """Close every waiting connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for origin in self._with_idle:
            for connection in origin.idle:
                connection.close()
            origin.idle = []
        self._with_idle.clear()
        self._idle_count = 0


def _is_fit(connection: Connection, origin: Origin, now: float) -> bool:
    return (
        connection.reusable
        and now <= connection.usable_until
        and connection.address in origin.addresses
    )
