"""The books in SQLite: sums and broken rules, all read from one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import apsw

from ringback.ledger import NAMED_MAX, RULES, Account, Ledger, audit
from ringback.storage.sqlite.base import SqliteBase
from ringback.storage.sqlite.statements import LEDGER


class SqliteBooks(SqliteBase):
    """``Books``."""

    async def ledger(
        self,
        workspace_id: str | None = None,
        *,
        on_rule: Callable[[str], None] = lambda _rule: None,
    ) -> Ledger:
        """Return the books of one workspace or of all; takes time in the number of rows."""

        def look(reader: apsw.Connection) -> Ledger:
            accounts = [
                account
                for account in _accounts(reader)
                if workspace_id in (None, account.workspace_id)
            ]
            broken: list[tuple[str, str]] = []
            for rule in RULES:
                on_rule(rule)
                asked = {"workspace_id": workspace_id, "limit": NAMED_MAX}
                rows: list[Any] = reader.execute(getattr(LEDGER, rule), asked).fetchall()
                broken += [(rule, row) for (row,) in rows]
            return audit(accounts, broken)

        return await self._look(look)


def _accounts(reader: apsw.Connection) -> list[Account]:
    jobs = _counts(reader, LEDGER.jobs_by_status)
    deliveries = _counts(reader, LEDGER.deliveries_by_status)
    rows: list[Any] = reader.execute(LEDGER.accounts).fetchall()
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


def _counts(reader: apsw.Connection, statement: str) -> defaultdict[str, dict[str, int]]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    rows: list[Any] = reader.execute(statement).fetchall()
    for workspace_id, status, count in rows:
        found[workspace_id][status] = count
    return found
