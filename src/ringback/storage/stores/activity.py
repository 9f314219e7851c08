"""The store of activity, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.ids import uuid7_floor
from ringback.jobs.model import Job, JobStatus
from ringback.storage.activity import DeliveryCount, JobCount, OldestWaiting
from ringback.storage.mapping.rows import destination_from, job_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions.work import Rows
from ringback.webhooks.model import DeliveryStatus, Destination


class SqlActivity(SqlBase):
    """An ``ActivityStore``."""

    async def delivery_counts(
        self, workspace_id: str, *, since_ms: int, limit: int
    ) -> list[DeliveryCount]:
        bindings = {"workspace_id": workspace_id, "since_ms": since_ms, "limit": limit}
        return [
            DeliveryCount(
                hour=hour,
                destination_id=destination_id,
                status=DeliveryStatus(status),
                is_retrying=bool(is_retrying),
                count=count,
            )
            for hour, destination_id, status, is_retrying, count in await self._scan(
                "activity.delivery_counts", **bindings
            )
        ]

    async def job_counts(self, workspace_id: str, *, since_ms: int, limit: int) -> list[JobCount]:
        rows = await self._scan(
            "activity.job_counts",
            workspace_id=workspace_id,
            first_id=uuid7_floor(since_ms),
            limit=limit,
        )
        return _job_counts(rows)

    async def pending_counts(self, workspace_id: str, *, limit: int) -> list[JobCount]:
        rows = await self._scan("activity.pending_counts", workspace_id=workspace_id, limit=limit)
        return _job_counts(rows)

    async def oldest_waiting(self, workspace_id: str, *, limit: int) -> OldestWaiting:
        rows = await self._scan("activity.oldest_waiting", workspace_id=workspace_id, limit=limit)
        if not rows:
            return OldestWaiting(count=0)
        ((delivery_id, created_at_ms, count),) = rows
        return OldestWaiting(count=count, delivery_id=delivery_id, created_at_ms=created_at_ms)

    async def last_status_codes(self, delivery_ids: Sequence[str]) -> dict[str, int]:
        return dict(await self._scan("activity.last_status_codes", delivery_ids=list(delivery_ids)))

    async def jobs_with_ids(self, job_ids: Sequence[str]) -> list[Job]:
        rows = await self._scan("activity.jobs_with_ids", job_ids=list(job_ids))
        return [job_from(row) for row in rows]

    async def destinations_with_ids(self, destination_ids: Sequence[int]) -> list[Destination]:
        numbers = list(destination_ids)
        rows = await self._scan("activity.destinations_with_ids", destination_ids=numbers)
        return [destination_from(row) for row in rows]


def _job_counts(rows: Rows) -> list[JobCount]:
    return [
        JobCount(status=JobStatus(status), count=count, oldest_at_ms=oldest_at_ms)
        for status, count, oldest_at_ms in rows
    ]
