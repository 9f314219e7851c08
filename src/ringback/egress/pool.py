"""Open connections that wait for their next request, by origin; bounded in number and age."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringback.clock import Clock
from ringback.egress.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How many connections may wait, and for how long."""

    idle_per_origin_max: int = 128
    idle_max: int = 1_024
    idle_age_s_max: float = 20.0
    connection_age_s_max: float = 120.0  # so that a change in the DNS is followed


class Pool:
    """Idle connections by origin, the warmest first.

    Each stays with the address that was judged when it was dialled, so a name that has come to
    point elsewhere since cannot move it; its age is bounded for the honest case.
    """

    def __init__(self, settings: PoolSettings, clock: Clock) -> None:
        self._settings = settings
        self._monotonic = clock.monotonic
        self._idle: dict[str, list[Connection]] = {}
        self._idle_count = 0
        self._sweeper: asyncio.TimerHandle | None = None

    def take(self, origin: str, *, now: float) -> Connection | None:
        """Return an open connection to the origin, or None; ``now`` is the clock's monotonic."""
        waiting = self._idle.get(origin)
        while waiting:
            connection = waiting.pop()
            self._idle_count -= 1
            if connection.reusable and not self._is_stale(connection, now):
                return connection
            connection.close()
        return None

    def give_back(self, origin: str, connection: Connection, *, now: float) -> None:
        """Keep the connection for the next request, if it is fit and there is room."""
        if not connection.reusable:
            connection.close()
            return
        waiting = self._idle.get(origin)
        if waiting is None:
            waiting = self._idle[origin] = []
        settings = self._settings
        if len(waiting) >= settings.idle_per_origin_max or self._idle_count >= settings.idle_max:
            connection.close()
            return
        connection.idle_since = now
        waiting.append(connection)
        self._idle_count += 1
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(settings.idle_age_s_max, self.sweep)

    def sweep(self) -> None:
        """Close what has waited too long or was closed by the other side; forget empty origins."""
        self._sweeper = None
        now = self._monotonic()
        for origin, waiting in list(self._idle.items()):
            fit = [c for c in waiting if c.reusable and not self._is_stale(c, now)]
            for connection in set(waiting).difference(fit):
                connection.close()
            self._idle_count -= len(waiting) - len(fit)
            if fit:
                self._idle[origin] = fit
            else:
                del self._idle[origin]
        if self._idle:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(self._settings.idle_age_s_max, self.sweep)

    def close(self) -> None:
        """Close every waiting connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for waiting in self._idle.values():
            for connection in waiting:
                connection.close()
        self._idle.clear()
        self._idle_count = 0

    def _is_stale(self, connection: Connection, now: float) -> bool:
        return (
            now - connection.idle_since > self._settings.idle_age_s_max
            or now - connection.opened_at > self._settings.connection_age_s_max
        )
