"""Whose turn it is to look after what is everybody's: one process at a time, by a lease.

Only saves work: two that believe to lead, because one was stopped past its lease, do no harm.
"""

from __future__ import annotations

from ringback.clock import Clock
from ringback.errors import StorageFull
from ringback.log import get_logger
from ringback.storage.contract import Control

log = get_logger(__name__)

_LEASE_S = 5.0
_EVERY_S = 1.5
_WITHOUT_S = 1.0  # how often those look who do not lead


class Lead:
    """A process's part in leading something."""

    def __init__(self, store: Control, what: str, *, holder: str, clock: Clock) -> None:
        self._store = store
        self._what = what
        self._holder = holder
        self._clock = clock
        self._until = 0.0

    def has_it(self) -> bool:
        """Say whether this process leads, as far as it knows."""
        return self._clock.monotonic() < self._until

    async def run(self) -> None:
        """Take the lead whenever it is free, and keep it, until cancelled."""
        while True:
            try:
                await self.take()
            except StorageFull:
                log.warning("storage_full", waiting_s=_EVERY_S)
            await self._clock.sleep(_EVERY_S if self.has_it() else _WITHOUT_S)

    async def take(self) -> None:
        """Take or keep the lead if it is to be had."""
        asked_at = self._clock.monotonic()
        now_ms = self._clock.now_ms()
        until_ms = now_ms + int(_LEASE_S * 1000)
        if await self._store.lead(
            self._what, holder=self._holder, now_ms=now_ms, until_ms=until_ms
        ):
            if not self.has_it():
                log.info("lead_taken", what=self._what)
            self._until = asked_at + _LEASE_S
        else:
            self._until = 0.0
