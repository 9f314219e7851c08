"""The status of a job changes here only, by one table of transitions."""

from __future__ import annotations

from enum import StrEnum

from msgspec.structs import replace

from ringback.errors import IllegalTransition
from ringback.jobs.model import Job, JobResult, JobStatus


class JobEvent(StrEnum):
    """An event in the life of a job."""

    ADMIT = "admit"  # the workspace has room for it
    CLAIM = "claim"  # a worker takes it
    START = "start"  # its engine begins
    SAMPLE = "sample"  # the engine reports progress
    PREVIEW = "preview"  # the engine shows a result so far
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"  # the client cancels it
    RELEASE = "release"  # its worker gives it back unharmed, because the server stops
    RESCUE = "rescue"  # its lease ended, so its worker is gone
    DIE = "die"  # its engine's process died, while the worker lived


_ENDS = {
    JobEvent.FAIL: JobStatus.FAILED,
    JobEvent.CANCEL: JobStatus.CANCELLED,
}
_HELD = {
    **_ENDS,
    JobEvent.COMPLETE: JobStatus.COMPLETED,
    JobEvent.RELEASE: JobStatus.QUEUED,
    JobEvent.RESCUE: JobStatus.QUEUED,
    JobEvent.DIE: JobStatus.QUEUED,
}

TRANSITIONS: dict[JobStatus, dict[JobEvent, JobStatus]] = {
    JobStatus.BACKLOGGED: {**_ENDS, JobEvent.ADMIT: JobStatus.QUEUED},
    JobStatus.QUEUED: {**_ENDS, JobEvent.CLAIM: JobStatus.SCHEDULED},
    JobStatus.SCHEDULED: {**_HELD, JobEvent.START: JobStatus.PROCESSING},
    JobStatus.PROCESSING: {
        **_HELD,
        JobEvent.SAMPLE: JobStatus.SAMPLING,
        JobEvent.PREVIEW: JobStatus.INTERMEDIATE_COMPLETE,
    },
    JobStatus.SAMPLING: {
        **_HELD,
        JobEvent.SAMPLE: JobStatus.SAMPLING,
        JobEvent.PREVIEW: JobStatus.INTERMEDIATE_COMPLETE,
    },
    JobStatus.INTERMEDIATE_COMPLETE: {
        **_HELD,
        JobEvent.SAMPLE: JobStatus.INTERMEDIATE_COMPLETE,
        JobEvent.PREVIEW: JobStatus.INTERMEDIATE_COMPLETE,
    },
    JobStatus.COMPLETED: {},
    JobStatus.FAILED: {},
    JobStatus.CANCELLED: {},
}

MARKS_MAX = 30
"""How many of its latest marks a job keeps; it may return to the queue many times."""

HELD = frozenset(status for status, events in TRANSITIONS.items() if JobEvent.RESCUE in events)
"""The statuses in which a worker holds the job."""


def advance(
    job: Job,
    event: JobEvent,
    *,
    now_ms: int,
    result: JobResult | None = None,
    progress: float | None = None,
) -> Job:
    """Return the job after the event, or raise ``IllegalTransition``.

    A terminal job has its end time and a result. A job that returns to the queue loses its progress
    and previews. ``epoch`` stays as it is: the store raises it in the write.
    """
    status = TRANSITIONS[job.status].get(event)
    if status is None:
        raise IllegalTransition(job.job_id, job.status, event)
    marks = job.marks if status is job.status else (*job.marks, (status.value, now_ms))
    marks = marks[-MARKS_MAX:]
    if status.is_terminal:
        return replace(
            job,
            status=status,
            marks=marks,
            completed_at_ms=max(now_ms, job.created_at_ms),
            result=result if result is not None else JobResult(),
            progress=1.0 if status is JobStatus.COMPLETED else job.progress,
        )
    if status is JobStatus.QUEUED:
        deaths = job.deaths + (event is JobEvent.DIE)
        return replace(job, status=status, progress=0.0, result=None, deaths=deaths, marks=marks)
    return replace(
        job,
        status=status,
        marks=marks,
        result=result if result is not None else job.result,
        progress=job.progress if progress is None else max(job.progress, min(progress, 1.0)),
    )
