"""Usage as the API shows it."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ringback.api.documents.fields import Count, Day
from ringback.jobs.budget import Budget, Period, Usage
from ringback.service.usage import GROUPS, UsageStatement, date_of

_DIGITS = 3  # of compute units; beyond them a sum of floats is imprecise

Group = Annotated[str, Meta(extra_json_schema={"enum": [*GROUPS]})]
Units = Annotated[float, Meta(ge=0)]


class UsageItemDocument(Struct, frozen=True, kw_only=True):
    """One sum, with the members that `group` names."""

    day: (
        Annotated[Day, Meta(description="The day of the jobs' completion, in UTC.")] | UnsetType
    ) = UNSET
    model: (
        Annotated[str, Meta(description="The kind and the model: `video/google/veo-3.1`.")]
        | UnsetType
    ) = UNSET
    token_id: (
        Annotated[str | None, Meta(description="The token's id; null if it is unknown.")]
        | UnsetType
    ) = UNSET
    jobs: Count
    compute_units: Units


class UsageTotalDocument(Struct, frozen=True, kw_only=True):
    """The sum of all items."""

    jobs: Count
    compute_units: Units


class BudgetDocument(Struct, frozen=True, kw_only=True):
    """A budget; when nothing is left of it, jobs that have a cost are refused with 402."""

    token_id: Annotated[
        str | None, Meta(description="The token that it limits; null for the whole workspace.")
    ]
    period: Annotated[
        Period, Meta(description="`month` begins anew with each calendar month in UTC.")
    ]
    compute_units: Units
    spent: Units
    left: Units


class UsageDocument(Struct, frozen=True, kw_only=True):
    """Completed jobs and their cost; failed and cancelled jobs cost nothing."""

    first: Day = field(name="from")
    last: Annotated[Day, Meta(description="Included.")] = field(name="to")
    group: list[Group]
    items: list[UsageItemDocument]
    total: UsageTotalDocument
    budgets: list[BudgetDocument]


def usage_document(statement: UsageStatement) -> UsageDocument:
    """Return usage as the API shows it."""
    return UsageDocument(
        first=statement.first.isoformat(),
        last=statement.last.isoformat(),
        group=list(statement.group),
        items=[_item(one, statement.group) for one in statement.items],
        total=UsageTotalDocument(
            jobs=statement.jobs_count, compute_units=round(statement.compute_units, _DIGITS)
        ),
        budgets=[_budget(one, statement.now_ms) for one in statement.budgets],
    )


def _item(usage: Usage, group: tuple[str, ...]) -> UsageItemDocument:
    return UsageItemDocument(
        day=UNSET if usage.day is None or "day" not in group else date_of(usage.day).isoformat(),
        model=UNSET if usage.model is None or "model" not in group else usage.model,
        token_id=usage.token_id or None if "token" in group else UNSET,
        jobs=usage.jobs_count,
        compute_units=round(usage.compute_units, _DIGITS),
    )


def _budget(budget: Budget, now_ms: int) -> BudgetDocument:
    spent = budget.spent_at(now_ms)
    return BudgetDocument(
        token_id=budget.token_id or None,
        period=budget.period,
        compute_units=budget.compute_units,
        spent=round(spent, _DIGITS),
        left=round(max(0.0, budget.compute_units - spent), _DIGITS),
    )
