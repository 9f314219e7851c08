"""The job as a frozen value."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct


class JobStatus(StrEnum):
    """The nine statuses of the public API; after the three terminal ones nothing changes."""

    BACKLOGGED = "backlogged"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    SAMPLING = "sampling"
    INTERMEDIATE_COMPLETE = "intermediate-complete"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Say whether the job has ended: nothing changes after."""
        return self in _TERMINAL


_TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


class JobResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of a job: the URLs of its artifacts so far, or one error sentence.

    A training has the id of its style, a node app its named outputs. Notes say which files are
    missing, or are of a type that the server does not know, and whose voice reads a speech.
    """

    urls: tuple[str, ...] | None = None
    style_id: str | None = None
    outputs: dict[str, Any] | None = None
    notes: tuple[str, ...] | None = None
    error: str | None = None


class JobRequest(Struct, frozen=True, kw_only=True):
    """The members of a job that its submission decides."""

    workspace_id: str
    kind: str
    model: str
    type: str
    engine: str
    input: dict[str, Any]
    base_url: str  # the server's URL as the client knows it; the result's URLs begin with it
    webhook_url: str | None = None
    webhook_events: tuple[str, ...] = ()  # events for the webhook URL; empty: the three ends
    lab: str | None = None  # faults that its submission requested, in dev alone
    priority: int = 0  # within its workspace; a higher one is claimed sooner
    compute_units: float | None = None  # its cost if it completes
    token_id: str | None = None  # the token of its submission
    input_files: tuple[str, ...] = ()  # stored for its input; nobody else has them, they go with it


class Job(JobRequest, frozen=True, kw_only=True):
    """One generation, from submission to terminal status.

    ``epoch`` counts the job's holders: it grows whenever the job changes hands (admitted, claimed,
    given back, ended), and every write names the epoch it was based on. A write with a past epoch
    changes nothing.
    """

    job_id: str
    created_at_ms: int
    status: JobStatus = JobStatus.QUEUED
    completed_at_ms: int | None = None
    result: JobResult | None = None
    progress: float = 0.0
    epoch: int = 0
    deaths: int = 0  # how often its engine's process died while making it
    marks: tuple[tuple[str, int], ...] = ()  # statuses after the first, each with its start
    resume_state: str | None = None  # its engine's notes for a later run
    run_id: str | None = None  # the node app run whose step it is
    step: str | None = None  # the step's name there
