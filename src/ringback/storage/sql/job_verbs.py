"""The writes of jobs, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from ringback.errors import BacklogFull, BudgetSpent, IdempotencyConflict, RateLimited
from ringback.jobs.admission import Limits, admit, promotable
from ringback.jobs.budget import Budget, Period, first_spent
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.queue import Accepted, Submission
from ringback.jobs.turns import share_of
from ringback.storage.sql.load import Load, load_of
from ringback.storage.sql.owing import Mint, listening, write_owed
from ringback.storage.sql.rates import rates_of
from ringback.storage.sql.rows import (
    job_from,
    job_row,
    marks_json,
    result_json,
)
from ringback.storage.sql.style_rows import style_row
from ringback.storage.sql.usage_verbs import budgets_in, charge, completed_of, counting
from ringback.storage.sql.work import Ask, Work, first, together
from ringback.storage.sql.written import once, written
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.fanout import owed_for
from ringback.webhooks.outbox import Ending

_RETRY_AFTER_S = 5
_AFTER_ALL = "\U0010ffff"  # sorts after every workspace


class ClaimJobs(Struct, frozen=True, kw_only=True):
    """One worker's wish for jobs."""

    engine: str
    limit: int
    worker_id: str
    lease_until_ms: int
    after: str  # the workspace behind which it begins; the others have their turn first
    models: tuple[str, ...] = ()


def submit(items: Sequence[Submission]) -> Work[list[Accepted | Exception]]:
    """Write new jobs: each keyed request once, each workspace within its limits."""
    load = yield from load_of({item.job.workspace_id for item in items})
    known = yield from _known_keys(items)
    rates = yield from rates_of(items)
    budgets = yield from budgets_in(load, {item.job.workspace_id for item in items})
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
        if (spent := first_spent(budgets, job)) is not None:
            results.append(_budget_spent(spent))
            continue
        wait_s = rates.wait_s(job.workspace_id, item.limits, now_ms=job.created_at_ms)
        if wait_s > 0:
            results.append(RateLimited(item.limits.rate, retry_after_s=ceil(wait_s)))
            continue
        active, backlogged = load.of(job.workspace_id)
        status = admit(item.limits, active=active, backlogged=backlogged)
        if status is None:
            results.append(BacklogFull(item.limits.backlog_max, retry_after_s=_RETRY_AFTER_S))
            continue
        job = job if job.status is status else replace(job, status=status)
        rates.pay(job.workspace_id, item.limits, now_ms=job.created_at_ms)
        load.add(job.workspace_id, accepted=1, **{_place(status): 1})
        fresh.append(job)
        if key is not None:
            known[job.workspace_id, key.key] = (key.fingerprint, job)
            keys.append((job.workspace_id, key.key, key.fingerprint, job.job_id, job.created_at_ms))
        results.append(Accepted(job=job))
    yield from together(
        ("jobs.insert_jobs", {"rows": [job_row(job) for job in fresh]}) if fresh else None,
        ("jobs.insert_keys", {"rows": keys}) if keys else None,
        load.changes(),
    )
    yield from rates.write()
    return results


def _budget_spent(budget: Budget) -> BudgetSpent:
    return BudgetSpent(
        budget.compute_units,
        whose="token" if budget.token_id else "workspace",
        is_monthly=budget.period is Period.MONTH,
    )


def claim_jobs(items: Sequence[ClaimJobs]) -> Work[list[list[Job]]]:
    """Hand queued jobs to workers: round the workspaces, and of each the most urgent first."""
    results: list[list[Job]] = []
    for item in items:
        lanes = yield from _lanes(item)
        if not lanes:
            results.append([])
            continue
        wish = {
            "engine": item.engine,
            "lanes": lanes,
            "share": share_of(item.limit, lanes_count=len(lanes)),
            "limit": item.limit,
            "worker_id": item.worker_id,
            "lease_until_ms": item.lease_until_ms,
            "models": _models(item),
        }
        claimed = [(row[0], job_from(row[1:])) for row in (yield "jobs.claim_jobs", wish)]
        # RETURNING promises no order; the first column is the order of commits.
        claimed.sort(key=lambda one: (-one[1].priority, one[0]))
        results.append([job for _, job in claimed])
    return results


def _lanes(item: ClaimJobs) -> Work[list[str]]:
    """Return whose jobs are queued, in the order of their turns, so many as are to be claimed."""
    asked = {
        "engine": item.engine,
        "models": _models(item),
        "after": item.after,
        "until": _AFTER_ALL,
        "limit": item.limit,
    }
    round_again = {**asked, "after": "", "until": item.after}
    found = yield from together(
        ("jobs.lanes", asked), ("jobs.lanes", round_again) if item.after else None
    )
    return [workspace_id for rows in found for (workspace_id,) in rows][: item.limit]


def _models(item: ClaimJobs) -> list[str] | None:
    return list(item.models) or None


def hold_jobs(items: Sequence[tuple[Job, int]]) -> Work[list[bool]]:
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
            job.memo,
        )
        for job, lease_until_ms in items
    }
    done = yield from written("jobs.hold_jobs", list(latest.values()))
    return [(job.job_id, job.epoch) in done for job, _ in items]


def extend_leases(items: Sequence[tuple[Job, int]]) -> Work[list[bool]]:
    """Extend the leases of held jobs."""
    rows = [(job.job_id, job.epoch, lease_until_ms) for job, lease_until_ms in items]
    done = yield from written("jobs.extend_leases", rows)
    return [(job.job_id, job.epoch) in done for job, _ in items]


def requeue_jobs(items: Sequence[Job]) -> Work[list[bool]]:
    """Give held jobs back to the queue, each once."""
    rows = [
        (job.job_id, job.epoch, job.status.value, job.deaths, marks_json(job.marks))
        for job in items
    ]
    done = yield from written("jobs.requeue_jobs", rows, epochs_raised=1)
    return once(done, [(job.job_id, job.epoch) for job in items])


def end_jobs(items: Sequence[Ending], *, mint: Mint) -> Work[list[bool]]:
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
    # Workspaces before jobs, as those do that submit: no two wait for each other.
    load = yield from load_of({item.after.workspace_id for item in items})
    done = yield from written("jobs.end_jobs", rows, epochs_raised=1)
    results = once(done, [(item.after.job_id, item.before.epoch) for item in items])
    ended = [item for item, won in zip(items, results, strict=True) if won]
    if not ended:
        return results
    yield from _admit(ended, load)
    completed = completed_of([item.after for item in ended])
    counted = [counting(completed)] if completed else []
    yield from _owe(ended, load, mint, beside=[_cancelling_passing(ended), *counted])
    yield from charge(completed, load)
    yield from _keep_styles(ended)
    return results


def _keep_styles(ended: Sequence[Ending]) -> Work[None]:
    """Keep what the trainings among these made."""
    for item in ended:
        if item.style is not None:
            yield "styles.add_style", style_row(item.style)


def _admit(ended: Sequence[Ending], load: Load) -> Work[None]:
    """Let backlogged jobs into the places that these leave."""
    limits: dict[str, Limits] = {}
    for item in ended:
        load.add(item.after.workspace_id, **{_place(item.before.status): -1})
        limits[item.after.workspace_id] = item.limits
    for workspace_id, limit in limits.items():
        active, backlogged = load.of(workspace_id)
        count = promotable(limit, active=active, backlogged=backlogged)
        if count:
            yield "jobs.admit_jobs", {"workspace_id": workspace_id, "limit": count}
            load.add(workspace_id, active=count, backlogged=-count)


def _cancelling_passing(ended: Sequence[Ending]) -> Ask:
    """After a job's end nobody is told of what came before."""
    asked = {
        "job_ids": [item.after.job_id for item in ended],
        "now_ms": max(item.event.created_at_ms for item in ended),
    }
    return "deliveries.cancel_passing", asked


def _owe(
    ended: Sequence[Ending], load: Load, mint: Mint, *, beside: Sequence[Ask] = ()
) -> Work[None]:
    listeners: dict[str, list[Endpoint]] = {}
    for workspace_id in {item.after.workspace_id for item in ended}:
        listeners[workspace_id] = yield from listening(workspace_id, load)
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
    yield from write_owed(owed, load, beside=beside)


def _first_of_each(items: Sequence[Ending]) -> Iterable[Ending]:
    # Reversed, so that of two endings of one job in a group the first stays.
    return {(item.after.job_id, item.before.epoch): item for item in reversed(items)}.values()


def _place(status: JobStatus) -> str:
    return "backlogged" if status is JobStatus.BACKLOGGED else "active"


def _known_keys(items: Sequence[Submission]) -> Work[dict[tuple[str, str], tuple[str, Job]]]:
    keys = [
        (item.job.workspace_id, item.idempotency.key, item.idempotency.kept_since_ms)
        for item in items
        if item.idempotency is not None
    ]
    if not keys:
        return {}
    known: dict[tuple[str, str], tuple[str, Job]] = {}
    for workspace_id, key, fingerprint, job_id in (yield "jobs.known_keys", {"keys": keys}):
        row = first((yield "jobs.get_job", {"job_id": job_id}))
        if row is not None:
            known[str(workspace_id), str(key)] = (str(fingerprint), job_from(row))
    return known
