"""The transactions of a job's holder: claim, hold, extend the lease, requeue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ringback.jobs.fairness import share_of
from ringback.jobs.model import Job
from ringback.storage.mapping.rows import job_from, marks_json, result_json
from ringback.storage.transactions.guarded_writes import winners, write_guarded
from ringback.storage.transactions.work import TransactionScript, together

_AFTER_ALL = "\U0010ffff"  # sorts after every workspace


class ClaimJobs(Struct, frozen=True, kw_only=True):
    """One worker's request for jobs."""

    engine: str
    limit: int
    worker_id: str
    lease_until_ms: int
    after: str  # the workspace behind which it begins; the others have their turn first
    models: tuple[str, ...] = ()
    full: tuple[str, ...] = ()  # workspaces that get none
    each_max: int | None = None
    passed_over: tuple[str, ...] = ()


def claim_jobs(items: Sequence[ClaimJobs]) -> TransactionScript[list[list[Job]]]:
    """Hand queued jobs to workers: round the workspaces, and of each the most urgent first."""
    results: list[list[Job]] = []
    for item in items:
        lanes = yield from _lanes(item)
        if not lanes:
            results.append([])
            continue
        bindings = {
            **_narrowed(item),
            "lanes": lanes,
            "share": share_of(item.limit, lanes_count=len(lanes), each_max=item.each_max),
            "limit": item.limit,
            "worker_id": item.worker_id,
            "lease_until_ms": item.lease_until_ms,
        }
        claimed = [(row[0], job_from(row[1:])) for row in (yield "jobs.claim_jobs", bindings)]
        # RETURNING promises no order; the first column is the order of commits.
        claimed.sort(key=lambda one: (-one[1].priority, one[0]))
        results.append([job for _, job in claimed])
    return results


def _lanes(item: ClaimJobs) -> TransactionScript[list[str]]:
    """Return workspaces with queued jobs in the order of their turns, as many as jobs to claim."""
    bindings = {
        **_narrowed(item),
        "full": list(item.full),
        "after": item.after,
        "until": _AFTER_ALL,
        "limit": item.limit,
    }
    round_again = {**bindings, "after": "", "until": item.after}
    parts = yield from together(
        ("jobs.lanes", bindings), ("jobs.lanes", round_again) if item.after else None
    )
    return [workspace_id for rows in parts for (workspace_id,) in rows][: item.limit]


def _narrowed(item: ClaimJobs) -> dict[str, Any]:
    """Return the bindings that say which jobs of an engine a worker takes."""
    return {
        "engine": item.engine,
        "models": list(item.models) or None,
        "passed_over": list(item.passed_over) or None,
    }


def hold_jobs(items: Sequence[tuple[Job, int]]) -> TransactionScript[list[bool]]:
    """Write where held jobs stand and extend their leases."""
    # The last write of a job wins: its holder may have reported twice since the last commit.
    latest = {
        (job.job_id, job.epoch): (
            job.job_id,
            job.epoch,
            job.status.value,
            job.progress,
            result_json(job.result),
            lease_until_ms,
            marks_json(job.marks),
            job.resume_state,
        )
        for job, lease_until_ms in items
    }
    done, _ = yield from write_guarded("jobs.hold_jobs", list(latest.values()))
    return [(job.job_id, job.epoch) in done for job, _ in items]


def extend_leases(items: Sequence[tuple[Job, int]]) -> TransactionScript[list[bool]]:
    """Extend the leases of held jobs."""
    rows = [(job.job_id, job.epoch, lease_until_ms) for job, lease_until_ms in items]
    done, _ = yield from write_guarded("jobs.extend_leases", rows)
    return [(job.job_id, job.epoch) in done for job, _ in items]


def requeue_jobs(items: Sequence[Job]) -> TransactionScript[list[bool]]:
    """Give held jobs back to the queue, each once."""
    rows = [
        (job.job_id, job.epoch, job.status.value, job.deaths, marks_json(job.marks))
        for job in items
    ]
    done, _ = yield from write_guarded("jobs.requeue_jobs", rows, epochs_raised=1)
    return winners(done, [(job.job_id, job.epoch) for job in items])
