"""The job as a frozen value."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct


class JobStatus(StrEnum):
    """The nine statuses of the public API, spelled as it spells them."""

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
        """Say whether the job is over: nothing changes after."""
        return self in _TERMINAL


_TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


class JobResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a job: URLs of its artifacts (so far, while it runs), or one error sentence.

    A training has the id of its style, a node app its named outputs.
    """

    urls: tuple[str, ...] | None = None
    style_id: str | None = None
    outputs: dict[str, Any] | None = None
    error: str | None = None


class Job(Struct, frozen=True, kw_only=True):
    """One generation, from submission to terminal status.

    ``epoch`` counts the job's holders: it grows whenever the job changes hands (admitted, claimed,
    given back, ended), and every write names the epoch it was based on. A write by somebody whose
    epoch is past changes nothing.
    """

    job_id: str
    workspace_id: str
    kind: str
    model: str
    type: str
    engine: str
    input: dict[str, Any]
    created_at_ms: int
    base_url: str  # where the client reached the server: the beginning of the result's URLs
    status: JobStatus = JobStatus.QUEUED
    webhook_url: str | None = None
    completed_at_ms: int | None = None
    result: JobResult | None = None
    progress: float = 0.0
    epoch: int = 0
    deaths: int = 0  # workers that died with it
    webhook_events: tuple[str, ...] = ()  # what its webhook URL is told; empty: the three ends
    lab: str | None = None  # faults that its submission asked for, in dev alone
    priority: int = 0  # among its workspace's; the higher is claimed the sooner
    marks: tuple[tuple[str, int], ...] = ()  # statuses after the first, each with its beginning
    memo: str | None = None  # what its engine wrote down for a later run of it
    compute_units: float | None = None  # what it costs if it completes
    token_id: str | None = None  # that it was submitted with
    run_id: str | None = None  # of a node app, whose step it is
    step: str | None = None  # the step's name there
