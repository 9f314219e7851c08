"""The store of budgets and usage, on both databases."""

from __future__ import annotations

from ringback.jobs.budget import Budget, Usage, UsageQuery
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import usage


class SqlUsage(SqlBase):
    """``Budgets`` on a database."""

    async def put_budget(self, budget: Budget, *, now_ms: int) -> bool:
        return bool(await self._call(usage.put_budget, (budget, now_ms)))

    async def drop_budget(self, workspace_id: str, token_id: str) -> bool:
        return bool(await self._call(usage.drop_budget, (workspace_id, token_id)))

    async def budgets_of(self, workspace_id: str) -> list[Budget]:
        rows = await self._scan("usage.budgets_of", workspace_ids=[workspace_id])
        return [usage.budget_from(row) for row in rows]

    async def usage(self, selection: UsageQuery) -> list[Usage]:
        rows = await self._scan(
            "usage.usage",
            workspace_id=selection.workspace_id,
            first_day=selection.first_day,
            last_day=selection.last_day,
            by_day=int(selection.by_day),
            by_model=int(selection.by_model),
            by_token=int(selection.by_token),
            limit=selection.limit,
        )
        return [
            Usage(
                day=row[0], model=row[1], token_id=row[2], jobs_count=row[3], compute_units=row[4]
            )
            for row in rows
        ]
