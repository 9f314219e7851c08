"""Finding jobs by what no index leads to: a bounded look back, and a place to go on from.

A status, a type and a time are found by index. The prompt's text and the very model are looked for
in what those leave, at most so many jobs and so long a time per page; the page then says how far it
has looked and offers to look further. So it costs the same with a million jobs behind it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ringback.clock import Clock
from ringback.ids import uuid7_floor
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.queue import JobFilter
from ringback.service import Service

LOOKED_AT_MAX = 5_000
LOOKING_S_MAX = 0.25
_AT_ONCE = 250


class Wanted(Struct, frozen=True, kw_only=True):
    """Which jobs: all of its members must hold; None or empty holds for every job."""

    text: str = ""
    kind: str = ""
    model: str = ""
    type: str = ""  # the model's, which has an index
    status: JobStatus | None = None
    since_ms: int | None = None
    before_ms: int | None = None

    def holds_for(self, job: Job) -> bool:
        """Say whether a job is wanted."""
        if self.model and (job.model, job.kind) != (self.model, self.kind):
            return False
        return not self.text or self.text.casefold() in prompt_of(job).casefold()


class Found(Struct, frozen=True, kw_only=True):
    """A page of jobs, and before which job the next begins; None: there are no more."""

    jobs: tuple[Job, ...]
    before_id: str | None
    looked_back_to_ms: int | None = None  # it was looked no further than that


def prompt_of(job: Job) -> str:
    """Return what a job was asked for in words, or nothing."""
    return text_of(job.input.get("prompt"))


def text_of(value: Any) -> str:
    """Return a text, or nothing for what is none."""
    return value if isinstance(value, str) else ""


async def find(
    service: Service,
    clock: Clock,
    wanted: Wanted,
    *,
    workspace_id: str,
    before_id: str | None,
    limit: int,
) -> Found:
    """Return the next jobs that are wanted, newest first, having looked a bounded way back."""
    deadline = clock.monotonic() + LOOKING_S_MAX
    is_scan = bool(wanted.text or wanted.model)
    step = _AT_ONCE if is_scan else limit + 1
    place = _earlier(before_id, wanted.before_ms)
    first_id = uuid7_floor(wanted.since_ms) if wanted.since_ms is not None else ""
    found: list[Job] = []
    looked_at = 0
    while True:
        batch = await service.list_jobs(
            JobFilter(
                workspace_id=workspace_id,
                limit=step,
                before_id=place,
                types=(wanted.type,) if wanted.type else (),
                status=wanted.status,
            )
        )
        for job in batch:
            if job.job_id < first_id:
                return Found(jobs=tuple(found), before_id=None)
            if wanted.holds_for(job):
                if len(found) == limit:
                    return Found(jobs=tuple(found), before_id=found[-1].job_id)
                found.append(job)
        if len(batch) < step:
            return Found(jobs=tuple(found), before_id=None)
        place = batch[-1].job_id
        looked_at += len(batch)
        if looked_at >= LOOKED_AT_MAX or clock.monotonic() >= deadline:
            at_ms = batch[-1].created_at_ms
            return Found(jobs=tuple(found), before_id=place, looked_back_to_ms=at_ms)


def _earlier(before_id: str | None, before_ms: int | None) -> str | None:
    if before_ms is None:
        return before_id
    floor = uuid7_floor(max(0, before_ms))
    return floor if before_id is None else min(before_id, floor)
