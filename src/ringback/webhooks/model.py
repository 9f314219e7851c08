"""The delivery and its attempts as frozen values."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ringback.jobs.model import Job, JobStatus


class DeliveryStatus(StrEnum):
    """Where a delivery stands; all but waiting are the end of it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"


EVENT_FOR = {
    JobStatus.COMPLETED: "job.completed",
    JobStatus.FAILED: "job.failed",
    JobStatus.CANCELLED: "job.cancelled",
}


class Delivery(Struct, frozen=True, kw_only=True):
    """The duty to bring one terminal job to one webhook URL; ``delivery_id`` is its webhook-id."""

    delivery_id: str
    workspace_id: str
    job_id: str
    event: str
    engine: str
    url: str
    destination: str  # the URL's origin: what concurrency is bounded by
    body: bytes
    created_at_ms: int
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts_count: int = 0
    next_attempt_at_ms: int | None = None
    ended_at_ms: int | None = None
    epoch: int = 0

    @classmethod
    def owed_for(cls, job: Job, *, delivery_id: str, destination: str, body: bytes) -> Delivery:
        """Return the delivery that a terminal job with a webhook URL owes, due at once."""
        assert job.webhook_url is not None
        assert job.completed_at_ms is not None
        return cls(
            delivery_id=delivery_id,
            workspace_id=job.workspace_id,
            job_id=job.job_id,
            event=EVENT_FOR[job.status],
            engine=job.engine,
            url=job.webhook_url,
            destination=destination,
            body=body,
            created_at_ms=job.completed_at_ms,
            next_attempt_at_ms=job.completed_at_ms,
        )


class Attempt(Struct, frozen=True, kw_only=True):
    """One POST of a delivery; numbered from 1."""

    number: int
    started_at_ms: int
    duration_ms: int
    address: str | None = None  # the IP address that was dialled
    status_code: int | None = None  # None: no answer came
    reason: str | None = None  # None: delivered
    response: bytes = b""  # the beginning of the answer's body, as it came
