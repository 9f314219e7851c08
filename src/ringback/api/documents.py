"""Jobs as the API shows them: the contract's five members, and ours after them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ringback.jobs.model import Job, JobStatus
from ringback.service import result_document
from ringback.wire.document import job_document


def whole_document(job: Job) -> dict[str, Any]:
    """Return the job with all five members; the unknown ones are null."""
    document = job_document(
        job_id=job.job_id,
        status=job.status,
        created_at_ms=job.created_at_ms,
        completed_at_ms=job.completed_at_ms,
        result=result_document(job.result),
    )
    document["type"] = job.type
    document["engine"] = job.engine
    document["model"] = job.model
    if job.run_id is not None:
        document["run"] = {"job_id": job.run_id, "step": job.step}
    return document


def submitted_document(job: Job) -> dict[str, Any]:
    """Return the job as its submission was answered, also when that is repeated later.

    The contract has ``completed_at`` and ``result`` as nulls here, so a repeated submission tells
    of the beginning, whatever came after; ``GET /jobs/{id}`` tells where the job stands.
    """
    if job.status not in _FIRST:
        job = replace(job, status=JobStatus.QUEUED, completed_at_ms=None, result=None)
    return whole_document(job)


def current_document(job: Job) -> dict[str, Any]:
    """Return the job as it stands: what is not known yet is left out, as the contract has it."""
    document = {name: value for name, value in whole_document(job).items() if value is not None}
    if not job.status.is_terminal:
        document["progress"] = round(job.progress, 4)
    return document


_FIRST = frozenset({JobStatus.BACKLOGGED, JobStatus.QUEUED})
