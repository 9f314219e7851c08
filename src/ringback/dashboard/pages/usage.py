"""The page of usage: completed jobs and their cost by day, model and token, and the budgets."""

from __future__ import annotations

from datetime import date

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.api.routes.usage import day_in, groups_in
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.usage_chart import UsageCharts, charts_of
from ringback.jobs.budget import Budget, Period
from ringback.service.usage import DAYS_MAX, UsageService, UsageStatement, date_of

GROUPINGS = ("day", "model", "token", "day,model", "model,token")


class ShownBudget(Struct, frozen=True, kw_only=True):
    """One budget, with its spent and its remaining units."""

    budget: Budget
    spent: float
    left: float

    @property
    def share(self) -> float:
        """Return the spent share, from 0 to 1."""
        whole = self.budget.compute_units
        return min(1.0, self.spent / whole) if whole > 0 else 1.0


class UsageViews:
    """The page of the workspace's usage."""

    def __init__(self, usage: UsageService) -> None:
        self._usage = usage

    async def usage(self, request: PageRequest) -> ASGIApp:
        """Show this month's usage, or that between the chosen days."""
        query = request.query
        statement = await self._usage.statement(
            request.workspace_id,
            first=day_in(query, "from"),
            last=day_in(query, "to"),
            group=groups_in(query),
        )
        return request.page(
            "usage.html",
            statement=statement,
            rows=[(None if one.day is None else date_of(one.day), one) for one in statement.items],
            charts=await self._charts(statement, request.workspace_id),
            budgets=[_shown(one, statement.now_ms) for one in statement.budgets],
            grouping=",".join(statement.group),
            groupings=GROUPINGS,
        )

    async def _charts(self, statement: UsageStatement, workspace_id: str) -> UsageCharts | None:
        """Return the charts, or None where no job was completed."""
        if not statement.items:
            return None
        first, last = statement.first, statement.last
        whole_month = first.replace(day=1)
        start = whole_month if (last - whole_month).days < DAYS_MAX else first
        by_day = await self._usage.statement(workspace_id, first=start, last=last)
        units: dict[date, float] = {
            date_of(one.day): one.compute_units for one in by_day.items if one.day is not None
        }
        monthly = [
            one.compute_units
            for one in statement.budgets
            if one.period is Period.MONTH and not one.token_id
        ]
        return charts_of(
            units, first=first, last=last, monthly_budget=monthly[0] if monthly else None
        )


def _shown(budget: Budget, now_ms: int) -> ShownBudget:
    spent = budget.spent_at(now_ms)
    return ShownBudget(budget=budget, spent=spent, left=max(0.0, budget.compute_units - spent))
