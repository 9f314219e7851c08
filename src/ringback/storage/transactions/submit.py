"""The transaction that accepts submissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ringback.errors import RingbackError
from ringback.jobs.admission import paid_until_ms
from ringback.jobs.model import Job
from ringback.jobs.store import Accepted, Idempotency, Submission
from ringback.jobs.submission import UsedKey, decide_submission
from ringback.storage.mapping.rows import job_from, job_row
from ringback.storage.transactions.usage import read_budgets
from ringback.storage.transactions.work import TransactionScript, first, together
from ringback.storage.transactions.workspace_counters import lock_counters

WorkspaceKey = tuple[str, str | None]
"""A workspace and an idempotency key of it."""


def submit(items: Sequence[Submission]) -> TransactionScript[list[Accepted | RingbackError]]:
    """Write new jobs: each idempotency key makes one, each workspace stays within its limits."""
    workspace_ids = {item.job.workspace_id for item in items}
    counters = yield from lock_counters(workspace_ids)
    used_keys = yield from _read_used_keys(items)
    paid_before = yield from _read_rates(items)
    budgets = yield from read_budgets(counters, workspace_ids)
    paid = dict(paid_before)
    results: list[Accepted | RingbackError] = []
    jobs: list[Any] = []
    keys: list[Any] = []
    for item in items:
        workspace_id = item.job.workspace_id
        active, backlogged = counters.of(workspace_id)
        decision = decide_submission(
            item,
            used=used_keys.get(_key_of(item)),
            budgets=budgets,
            paid_until_ms=paid.get(workspace_id, 0.0),
            active=active,
            backlogged=backlogged,
        )
        results.append(decision)
        if isinstance(decision, RingbackError) or decision.replayed:
            continue
        job = decision.job
        counters.add(workspace_id, accepted=1)
        counters.add_jobs(workspace_id, job.status, 1)
        if item.limits.rate:
            paid[workspace_id] = paid_until_ms(
                item.limits, paid_until_ms=paid[workspace_id], now_ms=job.created_at_ms
            )
        if item.idempotency is not None:
            used_keys[_key_of(item)] = UsedKey(item.idempotency.fingerprint, job)
            keys.append(_key_row(job, item.idempotency))
        jobs.append(job_row(job))
    yield from together(
        ("jobs.insert_jobs", {"rows": jobs}) if jobs else None,
        ("jobs.insert_keys", {"rows": keys}) if keys else None,
        counters.changes(),
    )
    yield from _write_rates(paid, before=paid_before)
    return results


def _key_of(item: Submission) -> WorkspaceKey:
    return item.job.workspace_id, None if item.idempotency is None else item.idempotency.key


def _key_row(job: Job, idempotency: Idempotency) -> tuple[Any, ...]:
    key = idempotency.key, idempotency.fingerprint
    return (job.workspace_id, *key, job.job_id, job.created_at_ms)


def _read_used_keys(items: Sequence[Submission]) -> TransactionScript[dict[WorkspaceKey, UsedKey]]:
    """Return the idempotency keys among these that were used before."""
    keys = [
        (item.job.workspace_id, item.idempotency.key, item.idempotency.kept_since_ms)
        for item in items
        if item.idempotency is not None
    ]
    if not keys:
        return {}
    used: dict[WorkspaceKey, UsedKey] = {}
    for workspace_id, key, fingerprint, job_id in (yield "jobs.known_keys", {"keys": keys}):
        row = first((yield "jobs.get_job", {"job_id": job_id}))
        if row is not None:
            used[workspace_id, key] = UsedKey(fingerprint, job_from(row))
    return used


def _read_rates(items: Sequence[Submission]) -> TransactionScript[dict[str, float]]:
    """Return until when the workspaces with a rate have paid; mostly nothing is read."""
    limited = sorted({item.job.workspace_id for item in items if item.limits.rate})
    if not limited:
        return {}
    rows = yield "workspaces.rates_of", {"workspace_ids": limited}
    return {row[0]: row[1] for row in rows}


def _write_rates(
    paid: Mapping[str, float], *, before: Mapping[str, float]
) -> TransactionScript[None]:
    rows = [(one, until_ms) for one, until_ms in sorted(paid.items()) if until_ms != before[one]]
    if rows:
        yield "workspaces.write_rates", {"rows": rows}
