"""The event types, and one event as a frozen value."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ringback.jobs.model import JobStatus

OPERATOR = "ringback:operator"
"""The workspace of the operator's own events: no token opens it, and no other workspace sees it."""


class EventType(StrEnum):
    """Everything that a webhook can bring."""

    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_BACKLOGGED = "job.backlogged"
    JOB_STARTED = "job.started"
    JOB_PROGRESS = "job.progress"
    ENDPOINT_TEST = "endpoint.test"
    DELIVERY_EXHAUSTED = "delivery.exhausted"
    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_DISABLED = "endpoint.disabled"
    DESTINATION_PAUSED = "destination.paused"
    DESTINATION_RECOVERED = "destination.recovered"


EVENT_FOR = {
    JobStatus.COMPLETED: EventType.JOB_COMPLETED,
    JobStatus.FAILED: EventType.JOB_FAILED,
    JobStatus.CANCELLED: EventType.JOB_CANCELLED,
}

TERMINAL_EVENTS = (EventType.JOB_COMPLETED, EventType.JOB_FAILED, EventType.JOB_CANCELLED)
"""The events that a webhook URL gets unless it selects others."""

INTERIM_EVENTS = (EventType.JOB_BACKLOGGED, EventType.JOB_STARTED, EventType.JOB_PROGRESS)
"""Sent only to receivers that select them, and not after the job has ended."""

JOB_EVENTS = TERMINAL_EVENTS + INTERIM_EVENTS


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened, with the bytes of its webhook.

    ``job_id`` is empty for an event that is not of a job. ``seq`` is the order of commits, known
    once the event is written.
    """

    event_id: str
    workspace_id: str
    job_id: str
    type: EventType
    engine: str
    model: str
    created_at_ms: int
    body: bytes
    seq: int = 0
