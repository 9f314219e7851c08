"""Budgets limit the compute units that a workspace, or one of its tokens, may spend.

A job is counted when it completes, in the month (UTC) of its completion; a failed or cancelled one
costs nothing. When a budget is spent, new jobs with a cost are refused, and accepted jobs run to
their end. The decisions are pure; ``Budgets`` is their port.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ringback.errors import BudgetSpent
from ringback.jobs.model import Job

DAY_MS = 86_400_000
_LATE_MS = 3_600_000  # so long after a month's end its jobs may still be counted
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Period(StrEnum):
    """The time that a budget covers: all time, or each calendar month in UTC."""

    TOTAL = "total"
    MONTH = "month"


class Budget(Struct, frozen=True, kw_only=True):
    """The compute units that may be spent, and those that were."""

    workspace_id: str
    compute_units: float
    token_id: str = ""  # empty: the whole workspace
    period: Period = Period.MONTH
    spent: float = 0.0
    month: int = 0  # the month of ``spent``, for a monthly budget

    def spent_at(self, now_ms: int) -> float:
        """Return how much of the budget was spent at that time."""
        if self.period is Period.MONTH and self.month != month_of(now_ms):
            return 0.0
        return self.spent

    def concerns(self, job: Job) -> bool:
        """Say whether the budget pays for the job."""
        return self.workspace_id == job.workspace_id and self.token_id in ("", job.token_id)


class Usage(Struct, frozen=True, kw_only=True):
    """The sum of completed jobs in one group; fields that do not group are None."""

    day: int | None  # days since 1970
    model: str | None  # with its kind
    token_id: str | None
    jobs_count: int
    compute_units: float


class UsageQuery(Struct, frozen=True, kw_only=True):
    """A query for usage: its days, both inclusive, and its grouping."""

    workspace_id: str
    first_day: int
    last_day: int
    by_day: bool
    by_model: bool
    by_token: bool
    limit: int


class Budgets(Protocol):
    """Stores budgets and usage. Usage is counted in the transaction that ends a job."""

    async def put_budget(self, budget: Budget, *, now_ms: int) -> bool:
        """Set a budget in place of the workspace's or token's earlier one; earlier usage counts.

        Returns False without a write where there is no such workspace.
        """

    async def drop_budget(self, workspace_id: str, token_id: str) -> bool:
        """Remove a budget; False when there is none."""

    async def budgets_of(self, workspace_id: str) -> list[Budget]:
        """Return a workspace's budgets, the whole workspace's first."""

    async def usage(self, query: UsageQuery) -> list[Usage]:
        """Return the sums of completed jobs, in the order of their groups."""


def month_of(at_ms: int) -> int:
    """Return the number of the month since January 1970, in UTC."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return (at.year - 1970) * 12 + at.month - 1


def day_of(at_ms: int) -> int:
    """Return the number of the day since 1970, in UTC."""
    return at_ms // DAY_MS


def first_spent(budgets: Iterable[Budget], job: Job) -> Budget | None:
    """Return the first spent budget that refuses a new job, or None."""
    if not job.compute_units:
        return None
    for budget in budgets:
        if budget.concerns(job) and budget.spent_at(job.created_at_ms) >= budget.compute_units:
            return budget
    return None


def refusal_of(budgets: Iterable[Budget], job: Job) -> BudgetSpent | None:
    """Return the error that refuses a new job because a budget is spent, or None."""
    spent = first_spent(budgets, job)
    if spent is None:
        return None
    return BudgetSpent(
        spent.compute_units,
        whose="token" if spent.token_id else "workspace",
        is_monthly=spent.period is Period.MONTH,
    )


def charged(budget: Budget, *, compute_units: float, at_ms: int) -> Budget:
    """Return the budget after a job of ``compute_units`` has completed at that time."""
    if budget.period is Period.TOTAL:
        return replace(budget, spent=budget.spent + compute_units)
    month = month_of(at_ms)
    if month < budget.month <= month_of(at_ms + _LATE_MS):
        return budget  # the job belongs to a month that is over
    # A budget far ahead of the job was last charged while the clock was ahead.
    return replace(budget, spent=budget.spent_at(at_ms) + compute_units, month=month)


def charged_all(budgets: Iterable[Budget], completed: Sequence[Job]) -> list[Budget]:
    """Return the budgets that the completed jobs change, after the charge."""
    changed = []
    for budget in budgets:
        after = budget
        for job in completed:
            if job.compute_units and budget.concerns(job):
                assert job.completed_at_ms is not None
                after = charged(after, compute_units=job.compute_units, at_ms=job.completed_at_ms)
        if after != budget:
            changed.append(after)
    return changed


def sums_of_usage(completed: Iterable[Job]) -> list[tuple[str, int, str, str, str, int, float]]:
    """Return jobs and compute units by workspace, day, token, kind and model, sorted by these.

    The fixed order keeps transactions that write them from a deadlock.
    """
    sums: dict[tuple[str, int, str, str, str], list[float]] = {}
    for job in completed:
        assert job.completed_at_ms is not None
        day = day_of(job.completed_at_ms)
        key = (job.workspace_id, day, job.token_id or "", job.kind, job.model)
        counted = sums.setdefault(key, [0, 0.0])
        counted[0] += 1
        counted[1] += job.compute_units or 0.0
    return [(*key, int(count), units) for key, (count, units) in sorted(sums.items())]
