"""Budgets: charged within the transaction that ends jobs, and set by operators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ringback.clock import moment
from ringback.jobs.budget import (
    Budget,
    Period,
    charged_all,
    day_of,
    month_of,
)
from ringback.jobs.model import Job
from ringback.storage.transactions.work import TransactionScript, for_each
from ringback.storage.transactions.workspace_counters import WorkspaceCounters, lock_counters

_EVERY_DAY = (-(2**31), 2**31)


def read_budgets(
    counters: WorkspaceCounters, workspace_ids: Iterable[str]
) -> TransactionScript[list[Budget]]:
    """Return the budgets of those workspaces that have any; mostly nothing is read."""
    limited = sorted({one for one in workspace_ids if counters.has_budgets(one)})
    if not limited:
        return []
    rows = yield "usage.budgets_of", {"workspace_ids": limited}
    return [budget_from(row) for row in rows]


def charge_budgets(
    completed: Sequence[Job], counters: WorkspaceCounters
) -> TransactionScript[None]:
    """Charge the budgets with the jobs that have just completed; mostly there are none."""
    budgets = yield from read_budgets(counters, {job.workspace_id for job in completed})
    rows = [
        (after.workspace_id, after.token_id, after.spent, after.month)
        for after in charged_all(budgets, completed)
    ]
    if rows:
        yield "usage.keep_spent", {"rows": rows}


@for_each
def put_budget(budget: Budget, now_ms: int) -> TransactionScript[bool]:
    """Set a budget, charged with the usage of its present period."""
    # No job of the workspace ends meanwhile.
    counters = yield from lock_counters([budget.workspace_id])
    if not counters.knows(budget.workspace_id):
        return False
    is_monthly = budget.period is Period.MONTH
    first_day, last_day = _EVERY_DAY
    if is_monthly:
        first_day = day_of(now_ms) - moment(now_ms).day + 1
    key = {"workspace_id": budget.workspace_id, "token_id": budget.token_id}
    days = {"first_day": first_day, "last_day": last_day}
    ((spent,),) = yield "usage.spent_between", {**key, **days}
    bindings = {
        **key,
        "period": budget.period.value,
        "compute_units": budget.compute_units,
        "spent": spent,
        "month": month_of(now_ms) if is_monthly else 0,
    }
    yield "usage.put_budget", bindings
    yield "usage.count_budgets", {"workspace_id": budget.workspace_id}
    return True


@for_each
def drop_budget(workspace_id: str, token_id: str) -> TransactionScript[bool]:
    """Remove a budget."""
    yield from lock_counters([workspace_id])
    rows = yield "usage.drop_budget", {"workspace_id": workspace_id, "token_id": token_id}
    yield "usage.count_budgets", {"workspace_id": workspace_id}
    return bool(rows)


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
