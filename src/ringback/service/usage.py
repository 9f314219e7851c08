"""The verbs on usage: what a workspace has spent, and on what; what it may spend."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec import Struct

from ringback.clock import Clock, moment
from ringback.errors import InvalidRequest
from ringback.jobs.budget import Budget, Budgets, Usage, UsageWanted

DAYS_MAX = 366
ITEMS_MAX = 10_000
GROUPS = ("day", "model", "token")
_EPOCH = date(1970, 1, 1)


class Statement(Struct, frozen=True, kw_only=True):
    """What a workspace has spent between two days, both included, and its budgets now."""

    first: date
    last: date
    group: tuple[str, ...]
    items: tuple[Usage, ...]
    budgets: tuple[Budget, ...]
    now_ms: int

    @property
    def jobs_count(self) -> int:
        """How many jobs were completed."""
        return sum(one.jobs_count for one in self.items)

    @property
    def compute_units(self) -> float:
        """What they cost."""
        return sum(one.compute_units for one in self.items)


class UsageDesk:
    """What may be asked about a workspace's usage."""

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
    ) -> Statement:
        """Return what was spent: this month so far, unless days are named.

        Raises ``InvalidRequest`` for days that are the wrong way round, too far apart, or have more
        to tell than one answer holds.
        """
        now_ms = self._clock.now_ms()
        last = last or moment(now_ms).date()
        first = first or last.replace(day=1)
        _check(first, last)
        wanted = UsageWanted(
            workspace_id=workspace_id,
            first_day=(first - _EPOCH).days,
            last_day=(last - _EPOCH).days,
            by_day="day" in group,
            by_model="model" in group,
            by_token="token" in group,
            limit=ITEMS_MAX + 1,
        )
        items = await self._budgets.usage(wanted)
        if len(items) > ITEMS_MAX:
            raise InvalidRequest(
                f"There is more to tell than {ITEMS_MAX:,} items hold; ask for fewer days, or by "
                "less."
            )
        return Statement(
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
