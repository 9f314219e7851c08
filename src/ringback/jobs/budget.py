"""Budgets: compute units that a workspace, or one of its tokens, may spend. Pure, but for its port.

A job is counted when it completes, in the month (UTC) of its completion; a failed or cancelled one
costs nothing. When a budget is spent, new jobs that cost something are refused, and those that were
accepted run to their end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ringback.jobs.model import Job

DAY_MS = 86_400_000
_LATE_MS = 3_600_000  # after its end, at most, a job of last month may be counted
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Period(StrEnum):
    """What a budget is for: all time, or each calendar month in UTC."""

    TOTAL = "total"
    MONTH = "month"


class Budget(Struct, frozen=True, kw_only=True):
    """What may be spent, and what has been."""

    workspace_id: str
    compute_units: float
    token_id: str = ""  # of this token alone; empty: of the whole workspace
    period: Period = Period.MONTH
    spent: float = 0.0
    month: int = 0  # in which that was spent, where each month counts for itself

    def spent_at(self, now_ms: int) -> float:
        """Return what has been spent of it at that time."""
        if self.period is Period.MONTH and self.month != month_of(now_ms):
            return 0.0
        return self.spent

    def concerns(self, job: Job) -> bool:
        """Say whether the job is paid for out of it."""
        return self.workspace_id == job.workspace_id and self.token_id in ("", job.token_id)


class Usage(Struct, frozen=True, kw_only=True):
    """What was completed, summed up; what it is not told apart by is None."""

    day: int | None  # days since 1970
    model: str | None  # with its kind
    token_id: str | None
    jobs_count: int
    compute_units: float


class UsageWanted(Struct, frozen=True, kw_only=True):
    """Which usage to sum up, and by what to tell it apart; days are inclusive."""

    workspace_id: str
    first_day: int
    last_day: int
    by_day: bool
    by_model: bool
    by_token: bool
    limit: int


class Budgets(Protocol):
    """Budgets and usage, durably. Usage is counted in the very transaction that ends a job."""

    async def put_budget(self, budget: Budget, *, now_ms: int) -> bool:
        """Set a budget, in place of one for the same; what was spent so far counts.

        False, and nothing is kept, where there is no such workspace.
        """

    async def drop_budget(self, workspace_id: str, token_id: str) -> bool:
        """Remove a budget; False when there is none."""

    async def budgets_of(self, workspace_id: str) -> list[Budget]:
        """Return a workspace's budgets, the whole workspace's first."""

    async def usage(self, wanted: UsageWanted) -> list[Usage]:
        """Return sums of what was completed, in the order of what tells them apart."""


def month_of(at_ms: int) -> int:
    """Return the number of the month since January 1970, in UTC."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return (at.year - 1970) * 12 + at.month - 1


def day_of(at_ms: int) -> int:
    """Return the number of the day since 1970, in UTC."""
    return at_ms // DAY_MS


def first_spent(budgets: Iterable[Budget], job: Job) -> Budget | None:
    """Return the budget that does not let a new job in, or None."""
    if not job.compute_units:
        return None
    for budget in budgets:
        if budget.concerns(job) and budget.spent_at(job.created_at_ms) >= budget.compute_units:
            return budget
    return None


def charged(budget: Budget, *, compute_units: float, at_ms: int) -> Budget:
    """Return the budget after a job of so many units has completed at that time."""
    if budget.period is Period.TOTAL:
        return replace(budget, spent=budget.spent + compute_units)
    month = month_of(at_ms)
    if month < budget.month <= month_of(at_ms + _LATE_MS):
        return budget  # of a month that is over
    # Of a month long past: the clock was ahead when the budget was charged last.
    return replace(budget, spent=budget.spent_at(at_ms) + compute_units, month=month)
