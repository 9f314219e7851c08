"""A claim of deliveries reads few rows in PostgreSQL, also beside one with very many due."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.statements import STATEMENTS
from tests.storage.contract.test_due_turns import MANY, owe
from tests.storage.contract.test_store import NOW

ARGUMENTS = {
    "deliveries.due_workspaces": {
        "after": "",
        "until": "~",
        "now_ms": NOW,
        "looks": 500,
        "limit": 16,
        "without_room": ["rival"],
    },
    "deliveries.due_of_workspaces": {
        "workspace_ids": ["rival", "studio"],
        "but": [1, 2],
        "now_ms": NOW,
        "share": 8,
    },
}


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_a_claim_reads_few_rows_of_a_workspace_with_very_many_due_destinations(
    dsn: str, store: PostgresStore, name: str
) -> None:
    await owe(store, "rival", destinations=MANY)
    await owe(store, "studio", destinations=1, due_ms=NOW)
    statement = STATEMENTS[name]
    connection = await asyncpg.connect(dsn)
    await connection.execute("analyze destinations")
    explained = f"explain (analyze, format json) {statement.text}"
    plan = json.loads(await connection.fetchval(explained, *statement.arguments(ARGUMENTS[name])))
    await connection.close()
    assert read_of("destinations", plan[0]["Plan"]) <= 100


def read_of(table: str, plan: dict[str, Any]) -> int:
    """Return how many rows of a table a plan read, those that it passed over included."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    read = own * plan["Actual Loops"] if plan.get("Relation Name") == table else 0
    return round(read) + sum(read_of(table, part) for part in plan.get("Plans", []))
