"""The store of the audit: sums and broken rules, read from one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ringback.storage.audit import NAMED_MAX, RULES, Account, AuditReport, audit
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions.work import TransactionScript


class SqlAudit(SqlBase):
    """``AuditStore``."""

    async def ledger(
        self,
        workspace_id: str | None = None,
        *,
        on_rule: Callable[[str], None] = lambda _rule: None,
    ) -> AuditReport:

        return await self._snapshot(lambda: _ledger(workspace_id, on_rule), is_long=True)


def _ledger(
    workspace_id: str | None, on_rule: Callable[[str], None]
) -> TransactionScript[AuditReport]:
    accounts = yield from _accounts()
    broken: list[tuple[str, str]] = []
    for rule in RULES:
        on_rule(rule)
        bindings = {"workspace_id": workspace_id, "limit": NAMED_MAX}
        rows = yield f"ledger.{rule}", bindings
        broken += [(rule, row) for (row,) in rows]
    ours = [one for one in accounts if workspace_id in (None, one.workspace_id)]
    return audit(ours, broken)


def _accounts() -> TransactionScript[list[Account]]:
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


def _counts(statement: str) -> TransactionScript[defaultdict[str, dict[str, int]]]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    rows: list[Any] = yield statement, {}
    for workspace_id, status, count in rows:
        found[workspace_id][status] = count
    return found
