"""The activity service sums up a workspace's jobs and deliveries of the last day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ringback.clock import Clock
from ringback.jobs.model import Job, JobStatus
from ringback.storage.activity import ActivityStore, DeliveryCount, JobCount, OldestWaiting
from ringback.webhooks.model import Delivery, DeliveryStatus, Destination

READ_MAX = 5_000
"""The most jobs, and the most deliveries, that one summary reads."""
HOURS = 24
HOUR_MS = 3_600_000
_FAILING_MAX = 10


class Hour(Struct, frozen=True, kw_only=True):
    """The deliveries that were made in one hour, by how they stand now."""

    begin_ms: int
    delivered: int = 0
    failed: int = 0  # exhausted or discarded, or waiting after an attempt that failed
    open: int = 0  # waiting for a first attempt, or cancelled

    @property
    def count(self) -> int:
        """Return how many deliveries were made in the hour."""
        return self.delivered + self.failed + self.open


class DeliveryActivity(Struct, frozen=True, kw_only=True):
    """The deliveries of the last day."""

    hours: tuple[Hour, ...]  # 24, oldest first
    by_status: dict[DeliveryStatus, int]
    retrying: int  # those of the waiting whose last attempt failed
    is_cut: bool  # there were more deliveries than are read

    @property
    def count(self) -> int:
        """Return how many deliveries were made."""
        return sum(self.by_status.values())

    @property
    def delivered(self) -> int:
        """Return how many were delivered."""
        return self.by_status.get(DeliveryStatus.DELIVERED, 0)

    @property
    def failed(self) -> int:
        """Return how many failed, for good or so far."""
        return sum(hour.failed for hour in self.hours)


class FailingDestination(Struct, frozen=True, kw_only=True):
    """A destination, and how many of the last day's deliveries to it failed and succeeded."""

    destination: Destination
    failed: int
    delivered: int


class Overview(Struct, frozen=True, kw_only=True):
    """The state of a workspace in a few figures."""

    deliveries: DeliveryActivity
    jobs: dict[JobStatus, int]  # of the last day
    jobs_are_cut: bool
    pending: tuple[JobCount, ...]
    oldest: OldestWaiting
    failing: tuple[FailingDestination, ...]  # most failures first

    @property
    def jobs_count(self) -> int:
        """Return how many jobs were created in the last day."""
        return sum(self.jobs.values())

    @property
    def pending_count(self) -> int:
        """Return how many jobs have not ended."""
        return sum(one.count for one in self.pending)


class ActivityService:
    """Sums of one workspace, each of a bounded number of rows."""

    def __init__(self, store: ActivityStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def deliveries(self, workspace_id: str) -> DeliveryActivity:
        """Return the deliveries of the last day, by hour and by status."""
        return _activity(*await self._delivery_counts(workspace_id))

    async def pending(self, workspace_id: str) -> tuple[JobCount, ...]:
        """Return the counts of the jobs that have not ended."""
        return tuple(await self._store.pending_counts(workspace_id, limit=READ_MAX))

    async def overview(self, workspace_id: str) -> Overview:
        """Return the state of the workspace."""
        since_ms, counts = await self._delivery_counts(workspace_id)
        jobs = await self._store.job_counts(workspace_id, since_ms=since_ms, limit=READ_MAX)
        return Overview(
            deliveries=_activity(since_ms, counts),
            jobs={one.status: one.count for one in jobs},
            jobs_are_cut=sum(one.count for one in jobs) >= READ_MAX,
            pending=await self.pending(workspace_id),
            oldest=await self._store.oldest_waiting(workspace_id, limit=READ_MAX),
            failing=await self._failing(counts),
        )

    async def status_codes(self, deliveries: Iterable[Delivery]) -> dict[str, int]:
        """Return the status code of each delivery's last attempt, where an answer came."""
        tried = [one.delivery_id for one in deliveries if one.attempts_count]
        return await self._store.last_status_codes(tried) if tried else {}

    async def jobs_of(self, deliveries: Iterable[Delivery]) -> dict[str, Job]:
        """Return the jobs that deliveries tell of, by their ids."""
        owners = {one.job_id: one.workspace_id for one in deliveries if one.job_id}
        found = await self._store.jobs_with_ids(list(owners)) if owners else []
        return {job.job_id: job for job in found if job.workspace_id == owners[job.job_id]}

    async def _delivery_counts(self, workspace_id: str) -> tuple[int, list[DeliveryCount]]:
        """Return the beginning of the period and its counts; the current hour is the last."""
        this_hour_ms = self._clock.now_ms() // HOUR_MS * HOUR_MS
        since_ms = this_hour_ms - (HOURS - 1) * HOUR_MS
        counts = await self._store.delivery_counts(workspace_id, since_ms=since_ms, limit=READ_MAX)
        return since_ms, counts

    async def _failing(self, counts: Sequence[DeliveryCount]) -> tuple[FailingDestination, ...]:
        failed: Counter[int] = Counter()
        delivered: Counter[int] = Counter()
        for one in counts:
            failed[one.destination_id] += one.count if _has_failed(one) else 0
            is_delivered = one.status is DeliveryStatus.DELIVERED
            delivered[one.destination_id] += one.count if is_delivered else 0
        worst = [number for number, count in failed.most_common(_FAILING_MAX) if count]
        found = await self._store.destinations_with_ids(worst) if worst else []
        by_id = {one.destination_id: one for one in found}
        return tuple(
            FailingDestination(
                destination=by_id[number], failed=failed[number], delivered=delivered[number]
            )
            for number in worst
            if number in by_id
        )


def _activity(since_ms: int, counts: Sequence[DeliveryCount]) -> DeliveryActivity:
    by_status: Counter[DeliveryStatus] = Counter()
    delivered, failed, others = [0] * HOURS, [0] * HOURS, [0] * HOURS
    retrying = 0
    for one in counts:
        by_status[one.status] += one.count
        retrying += one.count if one.is_retrying else 0
        kind = others
        if one.status is DeliveryStatus.DELIVERED:
            kind = delivered
        elif _has_failed(one):
            kind = failed
        kind[min(one.hour, HOURS - 1)] += one.count
    return DeliveryActivity(
        hours=tuple(
            Hour(
                begin_ms=since_ms + hour * HOUR_MS,
                delivered=delivered[hour],
                failed=failed[hour],
                open=others[hour],
            )
            for hour in range(HOURS)
        ),
        by_status=dict(by_status),
        retrying=retrying,
        is_cut=by_status.total() >= READ_MAX,
    )


def _has_failed(one: DeliveryCount) -> bool:
    return one.is_retrying or one.status in (DeliveryStatus.EXHAUSTED, DeliveryStatus.DISCARDED)
