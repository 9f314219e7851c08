"""Budgets and usage."""

from __future__ import annotations

from ringback.jobs.budget import Budget, Usage, UsageWanted
from ringback.storage.sql import usage_verbs as verbs
from ringback.storage.sql.base import SqlBase


class SqlUsage(SqlBase):
    """``Budgets`` on a database."""

    async def put_budget(self, budget: Budget, *, now_ms: int) -> bool:
        """Set a budget, in place of one for the same; what was spent so far counts."""
        return bool(await self._call(verbs.put_budgets, (budget, now_ms)))

    async def drop_budget(self, workspace_id: str, token_id: str) -> bool:
        """Remove a budget; False when there is none."""
        return bool(await self._call(verbs.drop_budgets, (workspace_id, token_id)))

    async def budgets_of(self, workspace_id: str) -> list[Budget]:
        """Return a workspace's budgets, the whole workspace's first."""
        rows = await self._scan("usage.budgets_of", workspace_ids=[workspace_id])
        return [verbs.budget_from(row) for row in rows]

    async def usage(self, wanted: UsageWanted) -> list[Usage]:
        """Return sums of what was completed, in the order of what tells them apart."""
        rows = await self._scan(
            "usage.usage",
            workspace_id=wanted.workspace_id,
            first_day=wanted.first_day,
            last_day=wanted.last_day,
            by_day=int(wanted.by_day),
            by_model=int(wanted.by_model),
            by_token=int(wanted.by_token),
            limit=wanted.limit,
        )
        return [
            Usage(
                day=row[0], model=row[1], token_id=row[2], jobs_count=row[3], compute_units=row[4]
            )
            for row in rows
        ]
