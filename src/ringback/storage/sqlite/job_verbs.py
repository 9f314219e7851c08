"""The writes of jobs, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
from msgspec import Struct
from msgspec.structs import replace

from ringback.errors import BacklogFull, IdempotencyConflict
from ringback.jobs.admission import Limits, admit, promotable
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.queue import Accepted, Submission
from ringback.storage.sqlite.load import Load
from ringback.storage.sqlite.owing import Mint, listening, write_owed
from ringback.storage.sqlite.rows import (
    as_json,
    job_from,
    job_row,
    marks_json,
    result_json,
)
from ringback.storage.sqlite.statements import DELIVERIES, JOBS
from ringback.storage.sqlite.written import once, written
from ringback.webhooks.fanout import owed_for
from ringback.webhooks.outbox import Ending

_RETRY_AFTER_S = 5


class ClaimJobs(Struct, frozen=True, kw_only=True):
    """One worker's wish for jobs."""

    engine: str
    limit: int
    worker_id: str
    lease_until_ms: int


def submit(tx: apsw.Connection, items: Sequence[Submission]) -> list[Accepted | Exception]:
    """Write new jobs: each keyed request once, each workspace within its limits."""
    known = _known_keys(tx, items)
    load = Load(tx, {item.job.workspace_id for item in items})
    results: list[Accepted | Exception] = []
    fresh: list[Job] = []
    keys = []
    for item in items:
        job, key = item.job, item.idempotency
        if key is not None and (before := known.get((job.workspace_id, key.key))) is not None:
            fingerprint, original = before
            results.append(
                Accepted(job=original, replayed=True)
                if fingerprint == key.fingerprint
                else IdempotencyConflict()
            )
            continue
        active, backlogged = load.of(job.workspace_id)
        status = admit(item.limits, active=active, backlogged=backlogged)
        if status is None:
            results.append(BacklogFull(item.limits.backlog_max, retry_after_s=_RETRY_AFTER_S))
            continue
        job = job if job.status is status else replace(job, status=status)
        load.add(job.workspace_id, accepted=1, **{_place(status): 1})
        fresh.append(job)
        if key is not None:
            known[job.workspace_id, key.key] = (key.fingerprint, job)
            keys.append((job.workspace_id, key.key, key.fingerprint, job.job_id, job.created_at_ms))
        results.append(Accepted(job=job))
    if fresh:
        tx.execute(JOBS.insert_jobs, {"rows": as_json([job_row(job) for job in fresh])})
    if keys:
        tx.execute(JOBS.insert_keys, {"rows": as_json(keys)})
    load.write()
    return results


def claim_jobs(tx: apsw.Connection, items: Sequence[ClaimJobs]) -> list[list[Job]]:
    """Hand queued jobs to workers, longest queued first."""
    results = []
    for item in items:
        rows = tx.execute(
            JOBS.claim_jobs,
            {
                "engine": item.engine,
                "limit": item.limit,
                "worker_id": item.worker_id,
                "lease_until_ms": item.lease_until_ms,
            },
        ).fetchall()
        rows.sort()  # RETURNING promises no order; the first column is the order of commits
        results.append([job_from(row[1:]) for row in rows])
    return results


def hold_jobs(tx: apsw.Connection, items: Sequence[tuple[Job, int]]) -> list[bool]:
    """Write where held jobs stand and extend their leases."""
    # The last word on a job wins: its holder may have reported twice since the last commit.
    latest = {
        (job.job_id, job.epoch): (
            job.job_id,
            job.epoch,
            job.status.value,
            job.progress,
            result_json(job.result),
            lease_until_ms,
            marks_json(job.marks),
        )
        for job, lease_until_ms in items
    }
    done = written(tx, JOBS.hold_jobs, list(latest.values()))
    return [(job.job_id, job.epoch) in done for job, _ in items]


def extend_leases(tx: apsw.Connection, items: Sequence[tuple[Job, int]]) -> list[bool]:
    """Extend the leases of held jobs."""
    rows = [(job.job_id, job.epoch, lease_until_ms) for job, lease_until_ms in items]
    done = written(tx, JOBS.extend_leases, rows)
    return [(job.job_id, job.epoch) in done for job, _ in items]


def requeue_jobs(tx: apsw.Connection, items: Sequence[Job]) -> list[bool]:
    """Give held jobs back to the queue, each once."""
    rows = [
        (job.job_id, job.epoch, job.status.value, job.deaths, marks_json(job.marks))
        for job in items
    ]
    done = written(tx, JOBS.requeue_jobs, rows, epochs_raised=1)
    return once(done, [(job.job_id, job.epoch) for job in items])


def end_jobs(tx: apsw.Connection, items: Sequence[Ending], *, mint: Mint) -> list[bool]:
    """Write terminal statuses and what they owe, and let backlogged jobs into the freed places."""
    rows = [
        (
            item.after.job_id,
            item.before.epoch,
            item.after.status.value,
            item.after.progress,
            result_json(item.after.result),
            item.after.completed_at_ms,
            item.after.deaths,
            marks_json(item.after.marks),
        )
        for item in _first_of_each(items)
    ]
    done = written(tx, JOBS.end_jobs, rows, epochs_raised=1)
    results = once(done, [(item.after.job_id, item.before.epoch) for item in items])
    ended = [item for item, won in zip(items, results, strict=True) if won]
    if not ended:
        return results
    load = Load(tx, {item.after.workspace_id for item in ended})
    _cancel_passing(tx, ended)
    _owe(tx, ended, load, mint)
    limits: dict[str, Limits] = {}
    for item in ended:
        load.add(item.after.workspace_id, **{_place(item.before.status): -1})
        limits[item.after.workspace_id] = item.limits
    for workspace_id, limit in limits.items():
        active, backlogged = load.of(workspace_id)
        count = promotable(limit, active=active, backlogged=backlogged)
        if count:
            tx.execute(JOBS.admit_jobs, {"workspace_id": workspace_id, "limit": count})
            load.add(workspace_id, active=count, backlogged=-count)
    load.write()
    return results


def _cancel_passing(tx: apsw.Connection, ended: Sequence[Ending]) -> None:
    """After a job's end nobody is told of what came before."""
    asked = {
        "job_ids": as_json([item.after.job_id for item in ended]),
        "now_ms": max(item.event.created_at_ms for item in ended),
    }
    tx.execute(DELIVERIES.cancel_passing, asked)


def _owe(tx: apsw.Connection, ended: Sequence[Ending], load: Load, mint: Mint) -> None:
    listeners = {
        workspace_id: listening(tx, workspace_id, load)
        for workspace_id in {item.after.workspace_id for item in ended}
    }
    owed = [
        (
            item.event,
            owed_for(
                item.event,
                job=item.after,
                endpoints=listeners[item.after.workspace_id],
                new_id=mint.new_id,
            ),
        )
        for item in ended
    ]
    write_owed(tx, owed, load)


def run_each(tx: apsw.Connection, items: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Run plain statements, each with its bindings; returns the rows of each."""
    return [tx.execute(statement, bindings).fetchall() for statement, bindings in items]


def _first_of_each(items: Sequence[Ending]) -> Iterable[Ending]:
    # Reversed, so that of two endings of one job in a group the first stays.
    return {(item.after.job_id, item.before.epoch): item for item in reversed(items)}.values()


def _place(status: JobStatus) -> str:
    return "backlogged" if status is JobStatus.BACKLOGGED else "active"


def _known_keys(
    tx: apsw.Connection, items: Sequence[Submission]
) -> dict[tuple[str, str], tuple[str, Job]]:
    keys = [
        (item.job.workspace_id, item.idempotency.key, item.idempotency.kept_since_ms)
        for item in items
        if item.idempotency is not None
    ]
    if not keys:
        return {}
    known: dict[tuple[str, str], tuple[str, Job]] = {}
    for workspace_id, key, fingerprint, job_id in tx.execute(
        JOBS.known_keys, {"keys": as_json(keys)}
    ).fetchall():
        row = tx.execute(JOBS.get_job, {"job_id": job_id}).fetchone()
        if row is not None:
            known[str(workspace_id), str(key)] = (str(fingerprint), job_from(row))
    return known
