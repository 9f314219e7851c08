"""The books: sums and broken rules, all read from one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ringback.ledger import NAMED_MAX, RULES, Account, Ledger, audit
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.work import Work


class SqlBooks(SqlBase):
    """``Books``."""

    async def ledger(
        self,
        workspace_id: str | None = None,
        *,
        on_rule: Callable[[str], None] = lambda _rule: None,
    ) -> Ledger:
        """Return the books of one workspace or of all; takes time in the number of rows."""

        return await self._look(lambda: _ledger(workspace_id, on_rule))


def _ledger(workspace_id: str | None, on_rule: Callable[[str], None]) -> Work[Ledger]:
    accounts = yield from _accounts()
    broken: list[tuple[str, str]] = []
    for rule in RULES:
        on_rule(rule)
        asked = {"workspace_id": workspace_id, "limit": NAMED_MAX}
        rows = yield f"ledger.{rule}", asked
        broken += [(rule, row) for (row,) in rows]
    ours = [one for one in accounts if workspace_id in (None, one.workspace_id)]
    return audit(ours, broken)


def _accounts() -> Work[list[Account]]:
    jobs = yield from _counts("ledger.jobs_by_status")
    deliveries = yield from _counts("ledger.deliveries_by_status")
    rows: list[Any] = yield "ledger.accounts", {}
    return [
        Account(
            workspace_id=row[0],
            accepted_count=row[1],
            jobs_pruned_count=row[2],
            owed_count=row[3],
            deliveries_pruned_count=row[4],
            active_count=row[5],
            backlogged_count=row[6],
            jobs=jobs[row[0]],
            deliveries=deliveries[row[0]],
        )
        for row in rows
    ]


def _counts(statement: str) -> Work[defaultdict[str, dict[str, int]]]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    rows: list[Any] = yield statement, {}
    for workspace_id, status, count in rows:
        found[workspace_id][status] = count
    return found
