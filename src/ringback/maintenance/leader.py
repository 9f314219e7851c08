"""Leader election by lease: one process runs the maintenance loops.

It only saves work: two leaders, because one was stopped past its lease, do no harm.
"""

from __future__ import annotations

from ringback.clock import Clock
from ringback.log import get_logger
from ringback.storage.contract import Control

log = get_logger(__name__)

_LEASE_S = 5.0


class LeaderElection:
    """One process's candidacy for a lease, which is named by its duty."""

    def __init__(self, store: Control, duty: str, *, holder: str, clock: Clock) -> None:
        self._store = store
        self._duty = duty
        self._holder = holder
        self._clock = clock
        self._until = 0.0

    def is_leader(self) -> bool:
        """Say whether this process leads, as far as it knows."""
        return self._clock.monotonic() < self._until

    async def step(self) -> None:
        """Take the lease if it is free, or extend it."""
        requested_at = self._clock.monotonic()
        now_ms = self._clock.now_ms()
        until_ms = now_ms + int(_LEASE_S * 1000)
        if await self._store.lead(
            self._duty, holder=self._holder, now_ms=now_ms, until_ms=until_ms
        ):
            if not self.is_leader():
                log.info("leader_elected", what=self._duty)
            self._until = requested_at + _LEASE_S
        else:
            self._until = 0.0
