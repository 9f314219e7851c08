"""What completed jobs cost, counted within the transaction that ends them, and their budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ringback.apps.model import ENGINE as RUNS
from ringback.clock import moment
from ringback.jobs.budget import Budget, Period, charged, day_of, month_of
from ringback.jobs.model import Job, JobStatus
from ringback.storage.sql.load import Load, load_of
from ringback.storage.sql.work import Ask, Work

_EVERY_DAY = (-(2**31), 2**31)


def budgets_in(load: Load, workspace_ids: Iterable[str]) -> Work[list[Budget]]:
    """Return the budgets of those workspaces that have any; mostly nothing is read."""
    limited = sorted({one for one in workspace_ids if load.has_budgets(one)})
    if not limited:
        return []
    rows = yield "usage.budgets_of", {"workspace_ids": limited}
    return [budget_from(row) for row in rows]


def completed_of(ended: Sequence[Job]) -> list[Job]:
    """Return those of the ended jobs that cost something: the completed ones.

    Not runs of node apps: their steps are what costs.
    """
    return [job for job in ended if job.status is JobStatus.COMPLETED and job.engine != RUNS]


def counting(completed: Sequence[Job]) -> Ask:
    """Return the statement that counts the jobs that have just completed."""
    return "usage.add_usage", {"rows": _sums(completed)}


def charge(completed: Sequence[Job], load: Load) -> Work[None]:
    """Charge the budgets with the jobs that have just completed; mostly there are none."""
    costly = [job for job in completed if job.compute_units]
    budgets = yield from budgets_in(load, {job.workspace_id for job in costly})
    changed = []
    for budget in budgets:
        after = budget
        for job in costly:
            if budget.concerns(job):
                assert job.compute_units is not None
                assert job.completed_at_ms is not None
                after = charged(after, compute_units=job.compute_units, at_ms=job.completed_at_ms)
        if after != budget:
            changed.append((after.workspace_id, after.token_id, after.spent, after.month))
    if changed:
        yield "usage.keep_spent", {"rows": changed}


def put_budgets(items: Sequence[tuple[Budget, int]]) -> Work[list[bool]]:
    """Set budgets, with what was spent already in their periods."""
    results = []
    for budget, now_ms in items:
        # Nobody ends a job of the workspace meanwhile.
        load = yield from load_of([budget.workspace_id])
        results.append(load.knows(budget.workspace_id))
        if not results[-1]:
            continue
        first_day, last_day = _EVERY_DAY
        if budget.period is Period.MONTH:
            at = moment(now_ms)
            first_day = day_of(now_ms) - at.day + 1
        asked = {
            "workspace_id": budget.workspace_id,
            "token_id": budget.token_id,
            "first_day": first_day,
            "last_day": last_day,
        }
        ((spent,),) = yield "usage.spent_between", asked
        yield (
            "usage.put_budget",
            {
                "workspace_id": budget.workspace_id,
                "token_id": budget.token_id,
                "period": budget.period.value,
                "compute_units": budget.compute_units,
                "spent": spent,
                "month": month_of(now_ms) if budget.period is Period.MONTH else 0,
            },
        )
        yield "usage.count_budgets", {"workspace_id": budget.workspace_id}
    return results


def drop_budgets(items: Sequence[tuple[str, str]]) -> Work[list[bool]]:
    """Remove budgets."""
    results = []
    for workspace_id, token_id in items:
        yield from load_of([workspace_id])
        asked = {"workspace_id": workspace_id, "token_id": token_id}
        results.append(bool((yield "usage.drop_budget", asked)))
        yield "usage.count_budgets", {"workspace_id": workspace_id}
    return results


def budget_from(row: tuple[Any, ...]) -> Budget:
    """Return the budget of a row."""
    return Budget(
        workspace_id=row[0],
        token_id=row[1],
        period=Period(row[2]),
        compute_units=row[3],
        spent=row[4],
        month=row[5],
    )


def _sums(completed: Sequence[Job]) -> list[tuple[Any, ...]]:
    sums: dict[tuple[Any, ...], list[float]] = {}
    for job in completed:
        assert job.completed_at_ms is not None
        key = (
            job.workspace_id,
            day_of(job.completed_at_ms),
            job.token_id or "",
            job.kind,
            job.model,
        )
        counted = sums.setdefault(key, [0, 0.0])
        counted[0] += 1
        counted[1] += job.compute_units or 0.0
    # In one order, so that no two transactions wait for each other.
    return [(*key, int(count), units) for key, (count, units) in sorted(sums.items())]
