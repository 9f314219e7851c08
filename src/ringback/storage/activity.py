"""The port of activity: a workspace's latest jobs and deliveries, in bounded reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ringback.jobs.model import Job, JobStatus
from ringback.webhooks.model import DeliveryStatus, Destination


class DeliveryCount(Struct, frozen=True, kw_only=True):
    """How many deliveries of one hour went to one destination and have one status."""

    hour: int  # whole hours since the beginning of the period
    destination_id: int
    status: DeliveryStatus
    is_retrying: bool  # it waits because an attempt of this round failed
    count: int


class JobCount(Struct, frozen=True, kw_only=True):
    """How many jobs have one status, and when the oldest of them was created."""

    status: JobStatus
    count: int
    oldest_at_ms: int


class OldestWaiting(Struct, frozen=True, kw_only=True):
    """How many deliveries of a workspace wait, counted to a limit, and the oldest of them."""

    count: int
    delivery_id: str | None = None
    created_at_ms: int | None = None


class ActivityStore(Protocol):
    """Sums over the newest rows; each reads a bounded number of rows by an index."""

    async def delivery_counts(
        self, workspace_id: str, *, since_ms: int, limit: int
    ) -> list[DeliveryCount]:
        """Return the counts of the newest deliveries, so many at most, that are not older."""

    async def job_counts(self, workspace_id: str, *, since_ms: int, limit: int) -> list[JobCount]:
        """Return the counts of the newest jobs, so many at most, that are not older."""

    async def pending_counts(self, workspace_id: str, *, limit: int) -> list[JobCount]:
        """Return the counts of the jobs that have not ended, the newest so many at most."""

    async def oldest_waiting(self, workspace_id: str, *, limit: int) -> OldestWaiting:
        """Return how many deliveries wait, no attempt of theirs being in progress."""

    async def last_status_codes(self, delivery_ids: Sequence[str]) -> dict[str, int]:
        """Return the status code of each delivery's last attempt, where an answer came."""

    async def jobs_with_ids(self, job_ids: Sequence[str]) -> list[Job]:
        """Return the jobs of these ids, of any workspace, in no order."""

    async def destinations_with_ids(self, destination_ids: Sequence[int]) -> list[Destination]:
        """Return the destinations of these numbers, in no order."""
