"""The writes, each a function of a transaction and all the items that wait for it."""

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
from ringback.storage.sqlite.rows import (
    as_json,
    attempt_row,
    delivery_from,
    delivery_row,
    job_from,
    job_row,
    result_json,
)
from ringback.storage.sqlite.statements import DELIVERIES, JOBS, WORKSPACES
from ringback.webhooks.model import Attempt, Delivery
from ringback.webhooks.outbox import Ending

_RETRY_AFTER_S = 5


class ClaimJobs(Struct, frozen=True, kw_only=True):
    """One worker's wish for jobs."""

    engine: str
    limit: int
    worker_id: str
    lease_until_ms: int


class ClaimDue(Struct, frozen=True, kw_only=True):
    """One dispatcher's wish for deliveries."""

    now_ms: int
    limit: int
    limit_each: int
    lease_until_ms: int
    busy: Sequence[str]


def submit(tx: apsw.Connection, items: Sequence[Submission]) -> list[Accepted | Exception]:
    """Write new jobs: each keyed request once, each workspace within its limits."""
    known = _known_keys(tx, items)
    load = _Load(tx, {item.job.workspace_id for item in items})
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
        load.add(job.workspace_id, **{_place(status): 1})
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
        )
        for job, lease_until_ms in items
    }
    written = _written(tx, JOBS.hold_jobs, list(latest.values()))
    return [(job.job_id, job.epoch) in written for job, _ in items]


def extend_leases(tx: apsw.Connection, items: Sequence[tuple[Job, int]]) -> list[bool]:
    """Extend the leases of held jobs."""
    rows = [(job.job_id, job.epoch, lease_until_ms) for job, lease_until_ms in items]
    written = _written(tx, JOBS.extend_leases, rows)
    return [(job.job_id, job.epoch) in written for job, _ in items]


def requeue_jobs(tx: apsw.Connection, items: Sequence[Job]) -> list[bool]:
    """Give held jobs back to the queue, each once."""
    rows = [(job.job_id, job.epoch, job.status.value, job.deaths) for job in items]
    written = _written(tx, JOBS.requeue_jobs, rows, epochs_raised=1)
    return _once(written, [(job.job_id, job.epoch) for job in items])


def end_jobs(tx: apsw.Connection, items: Sequence[Ending]) -> list[bool]:
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
        )
        for item in _first_of_each(items)
    ]
    written = _written(tx, JOBS.end_jobs, rows, epochs_raised=1)
    results = _once(written, [(item.after.job_id, item.before.epoch) for item in items])
    ended = [item for item, won in zip(items, results, strict=True) if won]
    owed = [delivery_row(item.delivery) for item in ended if item.delivery is not None]
    if owed:
        tx.execute(DELIVERIES.insert_deliveries, {"rows": as_json(owed)})
    load = _Load(tx, {item.after.workspace_id for item in ended})
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


def claim_due(tx: apsw.Connection, items: Sequence[ClaimDue]) -> list[list[Delivery]]:
    """Hand due deliveries to dispatchers, longest due first."""
    results = []
    for item in items:
        due: list[Any] = []
        origins: list[Any] = tx.execute(DELIVERIES.due_origins).fetchall()
        for destination, due_at_ms in origins:
            if due_at_ms <= item.now_ms and destination not in item.busy:
                asked = {
                    "destination": destination,
                    "now_ms": item.now_ms,
                    "limit_each": item.limit_each,
                }
                due += tx.execute(DELIVERIES.due_of, asked).fetchall()
        due.sort()
        seqs = as_json([seq for _, seq in due[: item.limit]])
        rows = tx.execute(
            DELIVERIES.claim_deliveries, {"seqs": seqs, "lease_until_ms": item.lease_until_ms}
        ).fetchall()
        rows.sort()
        results.append([delivery_from(row[2:]) for row in rows])
    return results


def record_attempts(tx: apsw.Connection, items: Sequence[tuple[Delivery, Attempt]]) -> list[bool]:
    """Write attempts and where their deliveries stand after them."""
    rows = [
        (
            delivery.delivery_id,
            delivery.epoch,
            delivery.status.value,
            delivery.attempts_count,
            delivery.next_attempt_at_ms,
            delivery.ended_at_ms,
        )
        for delivery, _ in items
    ]
    written = _written(tx, DELIVERIES.record_deliveries, rows, epochs_raised=1)
    results = _once(written, [(delivery.delivery_id, delivery.epoch) for delivery, _ in items])
    made = [attempt_row(*item) for item, won in zip(items, results, strict=True) if won]
    if made:
        tx.execute(DELIVERIES.insert_attempts, {"rows": as_json(made)})
    return results


def release_deliveries(tx: apsw.Connection, items: Sequence[Sequence[Delivery]]) -> list[None]:
    """Give claimed deliveries back, unattempted."""
    rows = [
        (delivery.delivery_id, delivery.epoch) for deliveries in items for delivery in deliveries
    ]
    tx.execute(DELIVERIES.release_deliveries, {"rows": as_json(rows)})
    return [None] * len(items)


def run_each(tx: apsw.Connection, items: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Run plain statements, each with its bindings; returns the rows of each."""
    return [tx.execute(statement, bindings).fetchall() for statement, bindings in items]


def _written(
    tx: apsw.Connection, statement: str, rows: Sequence[Any], *, epochs_raised: int = 0
) -> set[tuple[str, int]]:
    """Return the ids that were written, each with the epoch that its writer named."""
    written: list[Any] = tx.execute(statement, {"rows": as_json(rows)}).fetchall()
    return {(id_, epoch - epochs_raised) for id_, epoch in written}


def _once(written: set[tuple[str, int]], writers: Iterable[tuple[str, int]]) -> list[bool]:
    """Say which writers won; of two for one id and epoch, the first."""
    results = []
    for writer in writers:
        results.append(writer in written)
        written.discard(writer)
    return results


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


class _Load:
    """How many jobs workspaces have, read at the transaction's start and written at its end."""

    def __init__(self, tx: apsw.Connection, workspace_ids: set[str]) -> None:
        self._tx = tx
        self._now = {
            row[0]: [row[1], row[2]]
            for row in tx.execute(
                WORKSPACES.load_of, {"workspace_ids": as_json(list(workspace_ids))}
            )
        }
        self._before = {key: tuple(value) for key, value in self._now.items()}

    def of(self, workspace_id: str) -> tuple[int, int]:
        active, backlogged = self._now[workspace_id]
        return active, backlogged

    def add(self, workspace_id: str, *, active: int = 0, backlogged: int = 0) -> None:
        counts = self._now[workspace_id]
        counts[0] += active
        counts[1] += backlogged

    def write(self) -> None:
        changes = [
            (key, value[0] - self._before[key][0], value[1] - self._before[key][1])
            for key, value in self._now.items()
            if tuple(value) != self._before[key]
        ]
        if changes:
            self._tx.execute(WORKSPACES.change_load, {"rows": as_json(changes)})
