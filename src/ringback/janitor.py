"""The janitor: rescue what has lost its lease, forget what is past its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.errors import StorageFull
from ringback.jobs.model import Job
from ringback.log import get_logger
from ringback.service import Service
from ringback.storage.contract import Store

log = get_logger(__name__)

_EVERY_S = 1.0
_ALL_LEASES_MS = 2**53
_JOBS_AT_ONCE = 100


class Janitor:
    """Gives the work of dead workers and dispatchers back, and forgets old keys, once a second.

    A job that ``is_held`` knows of is not rescued, however long ago its lease ended: its worker
    lives, and a full disk has kept it from saying so. ``also`` is done as often.
    """

    def __init__(
        self,
        service: Service,
        store: Store,
        *,
        clock: Clock,
        bells: Bells,
        is_held: Callable[[Job], bool] = lambda _job: False,
        leads: Callable[[], bool] = lambda: True,
        also: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._leads = leads
        self._service = service
        self._store = store
        self._clock = clock
        self._bells = bells
        self._is_held = is_held
        self._also = also

    async def run(self) -> None:
        """Rescue expired leases until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            if not self._leads():
                continue
            try:
                await self.rescue(leases_until_ms=self._clock.now_ms())
                # A little at a time: nobody who writes shall wait for it.
                await self._service.forget_keys()
                await self._service.end_stray_steps()
                if self._also is not None:
                    await self._also()
            except StorageFull:
                log.warning("storage_full", waiting_s=_EVERY_S)

    async def rescue_all(self) -> int:
        """Rescue every lease there is: for the start of a server that has the data to itself."""
        return await self.rescue(leases_until_ms=_ALL_LEASES_MS)

    async def rescue_all_in_time(self) -> None:
        """Rescue every lease there is, as soon as the disk has room for it."""
        while True:
            try:
                await self.rescue_all()
            except StorageFull:
                log.warning("storage_full", waiting_s=_EVERY_S)
                await self._clock.sleep(_EVERY_S)
            else:
                return

    async def rescue(self, *, leases_until_ms: int) -> int:
        """Rescue the jobs and deliveries whose lease ended by then; return how many."""
        jobs = await self._rescue_jobs(leases_until_ms)
        if jobs:
            self._bells.queued.ring()
        deliveries = await self._store.rescue_deliveries(
            leases_until_ms=leases_until_ms, now_ms=self._clock.now_ms()
        )
        if deliveries:
            log.warning("deliveries_rescued", count=deliveries)
            self._bells.owed.ring()
        return jobs + deliveries

    async def _rescue_jobs(self, leases_until_ms: int) -> int:
        rescued = 0
        passed_over: set[str] = set()
        while True:
            # So many more as are passed over: nothing shall hide behind them.
            expired = await self._store.expired_jobs(
                now_ms=leases_until_ms, limit=_JOBS_AT_ONCE + len(passed_over)
            )
            ahead = [job for job in expired if job.job_id not in passed_over]
            if not ahead:
                return rescued
            # Together, so that they share commits: a slow disk would make hundreds wait in line.
            outcomes = await asyncio.gather(*map(self._is_rescued, ahead))
            rescued += sum(outcomes)
            passed_over |= {job.job_id for job, ok in zip(ahead, outcomes, strict=True) if not ok}

    async def _is_rescued(self, job: Job) -> bool:
        """Rescue one job; False when it is held, has changed hands, or its rescue broke."""
        if self._is_held(job):
            return False
        try:
            return await self._service.rescue(job)
        except StorageFull:
            raise
        except Exception:
            # Whatever is wrong with this one, the jobs behind it are not to wait for it.
            log.exception("rescue_broke", job_id=job.job_id)
            return False
