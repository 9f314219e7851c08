"""The writes of runs' steps, each a function of a transaction and all that wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ringback.errors import RunOver
from ringback.jobs.admission import may_start_step
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.store import StepSubmission
from ringback.storage.mapping.rows import job_from, job_row
from ringback.storage.transactions.work import TransactionScript, first
from ringback.storage.transactions.workspace_counters import WorkspaceCounters, lock_counters

Begun = Job | RunOver | None


def submit_steps(items: Sequence[StepSubmission]) -> TransactionScript[list[Begun]]:
    """Write steps as queued jobs: each once, and none for a run that has ended."""
    # The end of a run locks its workspace too, so no step slips in behind a run's end.
    counters = yield from lock_counters({item.job.workspace_id for item in items})
    results = []
    for item in items:
        results.append((yield from _submit(item, counters)))
    yield from counters.write()
    return results


def _submit(item: StepSubmission, counters: WorkspaceCounters) -> TransactionScript[Begun]:
    job = replace(item.job, status=JobStatus.QUEUED)
    key = {"run_id": job.run_id, "step": job.step}
    before = first((yield "steps.get_step", key))
    if before is not None:
        return job_from(before)
    run = first((yield "jobs.get_job", {"job_id": job.run_id}))
    if run is None or job_from(run).status.is_terminal:
        return RunOver(f"the run {job.run_id} has ended")
    ((beside,),) = yield "steps.pending_count", {"run_id": job.run_id}
    active, backlogged = counters.of(job.workspace_id)
    if not may_start_step(item.limits, active=active, backlogged=backlogged, beside=beside):
        return None
    rows: list[Any] = [job_row(job)]
    yield "jobs.insert_jobs", {"rows": rows}
    counters.add(job.workspace_id, accepted=1, active=1)
    return job
