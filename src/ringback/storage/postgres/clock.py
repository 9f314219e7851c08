"""The database's time, in every process of a server."""

from __future__ import annotations

from math import inf

from ringback.clock import Clock
from ringback.storage.postgres.connections import Connection

_NOW = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"
_TRIP_S_MAX = 0.25  # an answer that took longer says too little


class DatabaseClock:
    """The database's clock, carried on by this machine's monotonic one between readings.

    No other wall clock matters: one that is wrong, or is set, changes nothing here. The error is at
    most half of the reading's round trip, and the drift until the next reading.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._read_ms: int | None = None
        self._read_at = 0.0
        self._read_since: float | None = None
        self.monotonic = machine.monotonic
        self.sleep = machine.sleep

    @property
    def age_s(self) -> float:
        """The seconds since the last reading of the database's clock."""
        return inf if self._read_since is None else self._machine.monotonic() - self._read_since

    async def set_by(self, connection: Connection) -> None:
        """Read the database's clock."""
        began_at = self._read_since = self._machine.monotonic()
        async with connection.transaction():
            read_ms = await connection.fetchval(_NOW)
            answered_at = self._machine.monotonic()
        if self._read_ms is None or answered_at - began_at <= _TRIP_S_MAX:
            self._read_ms = read_ms
            self._read_at = (began_at + answered_at) / 2

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        assert self._read_ms is not None
        return self._read_ms + int((self._machine.monotonic() - self._read_at) * 1000)
