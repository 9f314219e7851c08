"""A store on a disk that a test fills."""

from __future__ import annotations

from ringback.errors import StorageFull
from ringback.jobs.model import Job
from ringback.storage.sqlite import SqliteStore
from ringback.webhooks.outbox import Ending


class FillableStore(SqliteStore):
    """A real store whose writes about held jobs find no room while ``is_full``."""

    is_full = False

    async def extend_lease(self, job: Job, *, lease_until_ms: int) -> bool:
        self._find_room()
        return await super().extend_lease(job, lease_until_ms=lease_until_ms)

    async def requeue_job(self, job: Job) -> bool:
        self._find_room()
        return await super().requeue_job(job)

    async def end_job(self, ending: Ending) -> bool:
        self._find_room()
        return await super().end_job(ending)

    async def rescue_deliveries(self, *, leases_until_ms: int, now_ms: int) -> int:
        self._find_room()
        return await super().rescue_deliveries(leases_until_ms=leases_until_ms, now_ms=now_ms)

    def _find_room(self) -> None:
        if self.is_full:
            raise StorageFull("The disk is full.")
