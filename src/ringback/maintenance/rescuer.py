"""Rescues jobs and deliveries whose leases have ended, and deletes old idempotency keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ringback.clock import Clock
from ringback.errors import StorageError
from ringback.jobs.model import Job
from ringback.log import get_logger, log_waiting
from ringback.service import JobService
from ringback.service.clock_watch import ClockWatch
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups

log = get_logger(__name__)

_AGAIN_S = 1.0
_ALL_LEASES_MS = 2**53
_JOBS_AT_ONCE = 100


class Rescuer:
    """Gives the work of dead workers and dispatchers back to the queue.

    A job that ``is_held`` is not rescued, however long ago its lease ended: its worker lives, and a
    full disk has kept it from extending the lease. Each step ends with ``after_step``.
    """

    def __init__(
        self,
        service: JobService,
        store: Store,
        *,
        clock: Clock,
        wakeups: Wakeups,
        is_held: Callable[[Job], bool] = lambda _job: False,
        after_step: Callable[[], Awaitable[object]] | None = None,
        clock_watch: ClockWatch | None = None,
    ) -> None:
        self._service = service
        self._store = store
        self._clock = clock
        self._wakeups = wakeups
        self._is_held = is_held
        self._after_step = after_step
        self._clock_watch = clock_watch

    async def step(self) -> None:
        """Rescue expired leases, after a check of the clock that they are compared with."""
        if self._clock_watch is not None and await self._clock_watch.check():
            self._wakeups.deliveries.wake()
        self._service.key_age.settle()
        await self.rescue(leases_until_ms=self._clock.now_ms())
        # Small steps keep other writes from waiting.
        await self._service.forget_keys()
        await self._service.end_stray_steps()
        if self._after_step is not None:
            await self._after_step()

    def stand_by(self) -> None:
        """Leave changes of the clock to the leader."""
        if self._clock_watch is not None:
            self._clock_watch.skip()

    async def rescue_all(self) -> int:
        """Rescue every lease, at the start of a server that has the data to itself."""
        return await self.rescue(leases_until_ms=_ALL_LEASES_MS)

    async def rescue_all_in_time(self) -> None:
        """Rescue every lease, as soon as storage accepts the writes."""
        while True:
            try:
                if self._clock_watch is not None:
                    await self._clock_watch.begin()
                await self.rescue_all()
            except StorageError as exc:
                log_waiting(log, exc, waiting_s=_AGAIN_S)
                await self._clock.sleep(_AGAIN_S)
            else:
                return

    async def rescue(self, *, leases_until_ms: int) -> int:
        """Rescue the jobs and deliveries whose lease ended by then; return how many."""
        jobs = await self._rescue_jobs(leases_until_ms)
        if jobs:
            self._wakeups.queued.wake()
        deliveries = await self._store.rescue_deliveries(
            leases_until_ms=leases_until_ms, now_ms=self._clock.now_ms()
        )
        if deliveries:
            log.warning("deliveries_rescued", count=deliveries)
            self._wakeups.deliveries.wake()
        return jobs + deliveries

    async def _rescue_jobs(self, leases_until_ms: int) -> int:
        rescued = 0
        passed_over: set[str] = set()
        while True:
            # The limit grows with the jobs that are passed over, so that they hide no other.
            expired = await self._store.expired_jobs(
                now_ms=leases_until_ms, limit=_JOBS_AT_ONCE + len(passed_over)
            )
            remaining = [job for job in expired if job.job_id not in passed_over]
            if not remaining:
                return rescued
            # Concurrent rescues share commits: hundreds in turn would wait for a slow disk.
            outcomes = await asyncio.gather(*map(self._rescue_job, remaining))
            rescued += sum(outcomes)
            passed_over |= {
                job.job_id for job, ok in zip(remaining, outcomes, strict=True) if not ok
            }

    async def _rescue_job(self, job: Job) -> bool:
        """Rescue one job; False when it is held, has changed hands, or its rescue broke."""
        if self._is_held(job):
            return False
        try:
            return await self._service.rescue(job)
        except StorageError:
            raise
        except Exception:
            # One broken rescue must not stop the others.
            log.exception("rescue_broke", job_id=job.job_id)
            return False
