"""The transaction that ends jobs."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.jobs.admission import Limits, promotable
from ringback.jobs.budget import sums_of_usage
from ringback.jobs.model import Job, JobStatus
from ringback.node_apps.model import ENGINE as RUNS
from ringback.storage.mapping.rows import marks_json, result_json
from ringback.storage.mapping.style_rows import style_row
from ringback.storage.transactions.guarded_writes import winners, write_guarded
from ringback.storage.transactions.outbox_writes import (
    IdFactory,
    read_listening_endpoints,
    write_outbox,
)
from ringback.storage.transactions.usage import charge_budgets
from ringback.storage.transactions.work import Statement, TransactionScript
from ringback.storage.transactions.workspace_counters import WorkspaceCounters, lock_counters
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.fanout import owed_for
from ringback.webhooks.outbox import Ending


def end_jobs(items: Sequence[Ending], *, id_factory: IdFactory) -> TransactionScript[list[bool]]:
    """Write terminal statuses and the deliveries they owe, and admit backlogged jobs."""
    # Workspaces before jobs, as ``submit`` locks them: no two transactions wait for each other.
    counters = yield from lock_counters({item.after.workspace_id for item in items})
    results = yield from _write_statuses(items)
    ended = [item for item, won in zip(items, results, strict=True) if won]
    if not ended:
        return results
    yield from _admit_backlogged(ended, counters)
    completed = _completed(ended)
    usage = [("usage.add_usage", {"rows": sums_of_usage(completed)})] if completed else []
    beside = [_cancelling_interim(ended), *usage]
    yield from _write_outbox(ended, counters, id_factory, beside=beside)
    if costly := [job for job in completed if job.compute_units]:
        yield from charge_budgets(costly, counters)
    yield from _add_styles(ended)
    return results


def _completed(ended: Sequence[Ending]) -> list[Job]:
    """Return the jobs that count as usage: completed, and no runs of node apps (steps count)."""
    jobs = [item.after for item in ended]
    return [job for job in jobs if job.status is JobStatus.COMPLETED and job.engine != RUNS]


def _write_statuses(items: Sequence[Ending]) -> TransactionScript[list[bool]]:
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
        for item in items
    ]
    done, _ = yield from write_guarded("jobs.end_jobs", rows, epochs_raised=1)
    return winners(done, [(item.after.job_id, item.before.epoch) for item in items])


def _admit_backlogged(
    ended: Sequence[Ending], counters: WorkspaceCounters
) -> TransactionScript[None]:
    """Let backlogged jobs into the places that ended jobs leave."""
    limits: dict[str, Limits] = {}
    for item in ended:
        counters.add_jobs(item.after.workspace_id, item.before.status, -1)
        limits[item.after.workspace_id] = item.limits
    for workspace_id, limit in limits.items():
        active, backlogged = counters.of(workspace_id)
        count = promotable(limit, active=active, backlogged=backlogged)
        if count:
            yield "jobs.admit_jobs", {"workspace_id": workspace_id, "limit": count}
            counters.add(workspace_id, active=count, backlogged=-count)


def _cancelling_interim(ended: Sequence[Ending]) -> Statement:
    """Return the statement that cancels interim events: nothing follows a job's end."""
    bindings = {
        "job_ids": [item.after.job_id for item in ended],
        "now_ms": max(item.event.created_at_ms for item in ended),
    }
    return "deliveries.cancel_interim", bindings


def _write_outbox(
    ended: Sequence[Ending],
    counters: WorkspaceCounters,
    id_factory: IdFactory,
    *,
    beside: Sequence[Statement] = (),
) -> TransactionScript[None]:
    endpoints: dict[str, list[Endpoint]] = {}
    for workspace_id in {item.after.workspace_id for item in ended}:
        endpoints[workspace_id] = yield from read_listening_endpoints(workspace_id, counters)
    owed = []
    for item in ended:
        listening = endpoints[item.after.workspace_id]
        deliveries = owed_for(
            item.event, job=item.after, endpoints=listening, new_id=id_factory.new_id
        )
        owed.append((item.event, deliveries))
    yield from write_outbox(owed, counters, beside=beside)


def _add_styles(ended: Sequence[Ending]) -> TransactionScript[None]:
    """Keep the styles of the trainings among these."""
    for item in ended:
        if item.style is not None:
            yield "styles.add_style", style_row(item.style)
