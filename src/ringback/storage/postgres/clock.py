"""The database's time, in every process of a server."""

from __future__ import annotations

from math import inf

from ringback.clock import Clock
from ringback.storage.postgres.connecting import Connection

_NOW = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"
_TRIP_S_MAX = 0.25  # an answer that took longer says too little


class DatabaseClock:
    """What the database's clock says, carried on by this machine's monotonic one between readings.

    Nobody's wall clock but the database's matters: one that is wrong, or is set, changes nothing
    here. What remains is half of the reading's round trip, and the drift until the next reading.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._read_ms: int | None = None
        self._read_at = 0.0
        self._asked_at: float | None = None
        self.monotonic = machine.monotonic
        self.sleep = machine.sleep

    @property
    def age_s(self) -> float:
        """How long ago the database was last asked."""
        return inf if self._asked_at is None else self._machine.monotonic() - self._asked_at

    async def set_by(self, connection: Connection) -> None:
        """Read the database's clock."""
        asked_at = self._asked_at = self._machine.monotonic()
        async with connection.transaction():
            read_ms = await connection.fetchval(_NOW)
            answered_at = self._machine.monotonic()
        if self._read_ms is None or answered_at - asked_at <= _TRIP_S_MAX:
            self._read_ms = read_ms
            self._read_at = (asked_at + answered_at) / 2

    def now_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        assert self._read_ms is not None
        return self._read_ms + int((self._machine.monotonic() - self._read_at) * 1000)
