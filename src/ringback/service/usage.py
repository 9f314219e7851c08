"""The usage service sums up the compute units that a workspace has spent, beside its budgets."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec import Struct

from ringback.clock import Clock, moment
from ringback.errors import InvalidRequest
from ringback.jobs.budget import Budget, Budgets, Usage, UsageQuery

DAYS_MAX = 366
ITEMS_MAX = 10_000
GROUPS = ("day", "model", "token")
_EPOCH = date(1970, 1, 1)


class UsageStatement(Struct, frozen=True, kw_only=True):
    """A workspace's usage between two days, both included, and its budgets now."""

    first: date
    last: date
    group: tuple[str, ...]
    items: tuple[Usage, ...]
    budgets: tuple[Budget, ...]
    now_ms: int

    @property
    def jobs_count(self) -> int:
        """Return how many jobs were completed."""
        return sum(one.jobs_count for one in self.items)

    @property
    def compute_units(self) -> float:
        """Return the cost of the completed jobs."""
        return sum(one.compute_units for one in self.items)


class UsageService:
    """The operations on a workspace's usage."""

    def __init__(self, budgets: Budgets, *, clock: Clock) -> None:
        self._budgets = budgets
        self._clock = clock

    async def statement(
        self,
        workspace_id: str,
        *,
        first: date | None = None,
        last: date | None = None,
        group: tuple[str, ...] = ("day",),
    ) -> UsageStatement:
        """Return the usage of this month so far, or between the named days.

        Raises ``InvalidRequest`` for days that are in the wrong order, too far apart, or have too
        many items for one answer.
        """
        now_ms = self._clock.now_ms()
        last = last or moment(now_ms).date()
        first = first or last.replace(day=1)
        _check(first, last)
        query = UsageQuery(
            workspace_id=workspace_id,
            first_day=(first - _EPOCH).days,
            last_day=(last - _EPOCH).days,
            by_day="day" in group,
            by_model="model" in group,
            by_token="token" in group,
            limit=ITEMS_MAX + 1,
        )
        items = await self._budgets.usage(query)
        if len(items) > ITEMS_MAX:
            raise InvalidRequest(
                f"The usage has more than {ITEMS_MAX:,} items; ask for fewer days or fewer groups."
            )
        return UsageStatement(
            first=first,
            last=last,
            group=group,
            items=tuple(items),
            budgets=tuple(await self._budgets.budgets_of(workspace_id)),
            now_ms=now_ms,
        )


def date_of(day: int) -> date:
    """Return the date of a number of days since 1970."""
    return _EPOCH + timedelta(days=day)


def _check(first: date, last: date) -> None:
    if last < first:
        raise InvalidRequest(f"{first} is after {last}; begin with the earlier day.")
    if (last - first).days >= DAYS_MAX:
        raise InvalidRequest(f"These are more than {DAYS_MAX} days; ask for fewer.")
