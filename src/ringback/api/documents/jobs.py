"""Jobs as the API shows them: the contract's five members, then Ringback's own."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from ringback.api.documents.fields import NextCursor, Time, Url, Uuid, time_or_null
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.service import result_document
from ringback.wire.document import iso_time

Share = Annotated[float, Meta(ge=0, le=1)]
JobType = Annotated[str, Meta(description="The type that `GET /jobs?types=` filters by.")]
Engine = Annotated[str, Meta(description="The engine that makes the result.")]
ModelId = Annotated[str, Meta(description="The model's id, like `bfl/flux-1-dev`.")]

_FIRST = frozenset({JobStatus.BACKLOGGED, JobStatus.QUEUED})


class ResultDocument(Struct, frozen=True, kw_only=True):
    """The result of a job: files, or one sentence."""

    style_id: Annotated[str, Meta(description="The id of the trained style.")] | UnsetType = UNSET
    outputs: (
        Annotated[
            dict[str, Any],
            Meta(description="The outputs of a node app's run, by name."),
        ]
        | UnsetType
    ) = UNSET
    urls: list[Url] | UnsetType = UNSET
    notes: (
        Annotated[
            list[str],
            Meta(description="Sentences about files: missing, of an unknown type, by whose voice."),
        ]
        | UnsetType
    ) = UNSET
    error: Annotated[str, Meta(description="The reason why there is no result.")] | UnsetType = (
        UNSET
    )


class RunDocument(Struct, frozen=True, kw_only=True):
    """The run that a node app's step belongs to, and the step's name."""

    job_id: Uuid
    step: str


class RunStepDocument(Struct, frozen=True, kw_only=True):
    """A step of a run, and its state."""

    step: str
    kind: str
    model: str | None
    job_id: Annotated[str | None, Meta(description="Null until it has begun.")]
    status: (
        Annotated[JobStatus | None, Meta(description="Null until it has begun; assets have none.")]
        | UnsetType
    ) = UNSET
    progress: Share | UnsetType = UNSET


class SubmittedJobDocument(Struct, frozen=True, kw_only=True):
    """A job in the response to its submission."""

    job_id: Uuid
    status: JobStatus
    created_at: Time
    completed_at: Annotated[
        Time | None, Meta(description="Null, unless the request waited for the end.")
    ]
    result: Annotated[
        ResultDocument | None, Meta(description="Null, unless the request waited for the end.")
    ]
    type: JobType
    engine: Engine
    model: ModelId
    run: RunDocument | UnsetType = UNSET


class JobDocument(Struct, frozen=True, kw_only=True):
    """A job as it stands; members that are not known yet are left out."""

    job_id: Uuid
    status: JobStatus
    created_at: Time
    completed_at: (
        Annotated[Time, Meta(description="Left out until the job has ended.")] | UnsetType
    ) = UNSET
    result: ResultDocument | UnsetType = UNSET
    type: JobType
    engine: Engine
    model: ModelId
    run: RunDocument | UnsetType = UNSET
    progress: (
        Annotated[
            Share, Meta(description="The share that is done; left out when the job has ended.")
        ]
        | UnsetType
    ) = UNSET
    steps: (
        Annotated[
            list[RunStepDocument],
            Meta(description="The steps of a node app's run; only in `GET /jobs/{id}`."),
        ]
        | UnsetType
    ) = UNSET


class JobPageDocument(Struct, frozen=True, kw_only=True):
    """Jobs, newest first."""

    items: list[JobDocument]
    next_cursor: NextCursor


def whole_document(job: Job) -> SubmittedJobDocument:
    """Return the job with all five members; the unknown ones are null."""
    return SubmittedJobDocument(
        job_id=job.job_id,
        status=job.status,
        created_at=iso_time(job.created_at_ms),
        completed_at=time_or_null(job.completed_at_ms),
        result=_result(job.result),
        type=job.type,
        engine=job.engine,
        model=job.model,
        run=_run(job),
    )


def submitted_document(job: Job) -> SubmittedJobDocument:
    """Return the job as the response to its first submission had it.

    The contract has ``completed_at`` and ``result`` as nulls here, so the response to a repeated
    submission has them too; ``GET /jobs/{id}`` shows the job's current state.
    """
    return whole_document(_as_submitted(job))


def current_document(job: Job, *, steps: list[RunStepDocument] | UnsetType = UNSET) -> JobDocument:
    """Return the job as it stands, without the members that are not known yet."""
    return JobDocument(
        job_id=job.job_id,
        status=job.status,
        created_at=iso_time(job.created_at_ms),
        completed_at=UNSET if job.completed_at_ms is None else iso_time(job.completed_at_ms),
        result=_result(job.result) or UNSET,
        type=job.type,
        engine=job.engine,
        model=job.model,
        run=_run(job),
        progress=UNSET if job.status.is_terminal else round(job.progress, 4),
        steps=steps,
    )


def submitted_run_document(job: Job) -> JobDocument:
    """Return a run as the response to its submission had it: the contract has no nulls there."""
    return replace(current_document(_as_submitted(job)), progress=UNSET)


def _as_submitted(job: Job) -> Job:
    if job.status in _FIRST:
        return job
    return replace(job, status=JobStatus.QUEUED, completed_at_ms=None, result=None)


def _result(result: JobResult | None) -> ResultDocument | None:
    if result is None:
        return None
    return ResultDocument(**result_document(result))


def _run(job: Job) -> RunDocument | UnsetType:
    if job.run_id is None or job.step is None:
        return UNSET
    return RunDocument(job_id=job.run_id, step=job.step)
