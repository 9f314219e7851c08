"""The janitor: rescue what has lost its lease, forget what is past its time."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.errors import StorageFull
from ringback.log import get_logger
from ringback.service import Service
from ringback.webhooks.outbox import Outbox

log = get_logger(__name__)

_EVERY_S = 1.0
_ALL_LEASES_MS = 2**53


class Janitor:
    """Gives the work of dead workers and dispatchers back, and forgets old keys, once a second."""

    def __init__(self, service: Service, outbox: Outbox, *, clock: Clock, bells: Bells) -> None:
        self._service = service
        self._outbox = outbox
        self._clock = clock
        self._bells = bells

    async def run(self) -> None:
        """Rescue expired leases until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            try:
                await self.rescue(leases_until_ms=self._clock.now_ms())
                # A little at a time: nobody who writes shall wait for it.
                await self._service.forget_keys()
            except StorageFull:
                log.warning("storage_full", waiting_s=_EVERY_S)

    async def rescue_all(self) -> int:
        """Rescue every lease there is: for the start of a server that has the data to itself."""
        return await self.rescue(leases_until_ms=_ALL_LEASES_MS)

    async def rescue(self, *, leases_until_ms: int) -> int:
        """Rescue the jobs and deliveries whose lease ended by then; return how many."""
        jobs = 0
        while rescued := await self._service.rescue_jobs(leases_until_ms=leases_until_ms):
            jobs += rescued
        deliveries = await self._outbox.rescue_deliveries(now_ms=leases_until_ms)
        if deliveries:
            log.warning("deliveries_rescued", count=deliveries)
            self._bells.owed.ring()
        return jobs + deliveries
