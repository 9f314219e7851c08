"""What the dispatcher needs remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.webhooks.model import Attempt, Delivery


class Ending(Struct, frozen=True, kw_only=True):
    """A job that is over, the job as it was before, and the delivery it owes."""

    before: Job
    after: Job
    limits: Limits
    delivery: Delivery | None = None


class Outbox(Protocol):
    """Deliveries, durably: written with the terminal status, claimed when due, ended once."""

    async def end_job(self, ending: Ending) -> bool:
        """Write the terminal status and the owed delivery in one transaction.

        Returns False, and changes nothing, when the job has changed hands since ``before``.
        A job that ends makes room: the workspace's longest-backlogged jobs join the queue.
        """

    async def claim_due(
        self,
        *,
        now_ms: int,
        limit: int,
        limit_each: int,
        lease_until_ms: int,
        busy: Sequence[str] = (),
    ) -> list[Delivery]:
        """Take deliveries that are due, longest due first, none of the busy destinations.

        No destination gives more than ``limit_each``, so that one long line does not fill a claim.
        """

    async def record_attempt(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Write an attempt and the delivery as it is after; False if it has changed hands."""

    async def release_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Give claimed deliveries back, unattempted."""

    async def rescue_deliveries(self, *, now_ms: int) -> int:
        """Give back deliveries whose lease is over; returns how many."""

    async def next_due_ms(self) -> int | None:
        """Return when the next unclaimed delivery is due, or None when none waits."""

    async def deliveries_of(self, job_id: str) -> list[Delivery]:
        """Return the deliveries of a job."""

    async def attempts_of(self, delivery_id: str) -> list[Attempt]:
        """Return a delivery's attempts, in order."""
