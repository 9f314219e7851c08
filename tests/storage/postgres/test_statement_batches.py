"""Statements that share a round trip: each with its own rows, in its own place."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import pytest

from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.runner import Transaction, run
from ringback.storage.postgres.statement_batches import as_one
from ringback.storage.transactions.work import Statement, TransactionScript, together
from ringback.webhooks.model import Delivery
from tests.builders import a_job, a_submission
from tests.storage.contract.test_store import LATER, claim, ending
from tests.storage.postgres.between import between

RECEIVER_URL = "https://shop.example/hook"


def _lanes(engine: str) -> Statement:
    arguments: dict[str, Any] = {
        "engine": engine,
        "models": None,
        "passed_over": None,
        "full": [],
        "after": "",
        "until": "~",
        "limit": 9,
    }
    return "jobs.lanes", arguments


def _asking() -> TransactionScript[list[Any]]:
    return (
        yield from together(
            _lanes("null"),
            ("control.drain_role", {"role": "worker", "now_ms": 1}),
            ("control.drained_roles", {}),
            None,
            ("workspaces.lock_counters", {"workspace_ids": ["studio", "rival"]}),
        )
    )


async def test_each_of_several_statements_gets_its_own_rows_and_sees_nothing_of_the_others(
    dsn: str, store: PostgresStore
) -> None:
    await store.submit(a_submission())
    connection = await asyncpg.connect(dsn)
    lanes, drained, roles, load = await run(connection, _asking())
    assert lanes == [("studio",)]
    assert drained == []  # it gives none
    assert roles == []  # what was written beside it, it does not see
    assert [row[0] for row in load] == ["rival", "studio"]
    assert await connection.fetchval("select role from drained_roles") == "worker"
    await connection.close()


async def test_the_first_statements_of_a_transaction_bring_its_id_along(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for work in (_asking, lambda: together(_lanes("null"))):
        async with connection.transaction():
            transaction = Transaction(connection)
            found = await transaction.run(work())
            assert found[0] == []
            assert transaction.id == await connection.fetchval("select pg_current_xact_id()::text")
            first = transaction.id
            await transaction.run(work())
            assert transaction.id == first
    await connection.close()


def test_the_same_statements_are_made_one_once() -> None:
    names = ("jobs.lanes", "control.drained_roles")
    assert as_one(names) is as_one(names)
    assert as_one(names).columns == (0, 1)
    assert as_one(("control.drain_role", "jobs.lanes")).columns == (None, 0)


async def _trips_of(store: PostgresStore, monkeypatch: pytest.MonkeyPatch, work: Any) -> int:
    trips = Counter[str]()
    for name in ("fetch", "execute"):
        method = getattr(asyncpg.Connection, name)

        async def counted(self: Any, query: str, *args: Any, _method: Any = method) -> Any:
            if "pg_notify" not in query:
                trips["all"] += 1
            return await _method(self, query, *args)

        monkeypatch.setattr(asyncpg.Connection, name, counted)
    await work
    monkeypatch.undo()
    return trips["all"]


async def _claim_due(store: PostgresStore) -> list[Delivery]:
    return await store.claim_due(now_ms=LATER, limit=9, limit_each=9, lease_until_ms=LATER * 2)


async def test_a_jobs_way_through_takes_few_round_trips(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.submit(
        a_submission(a_job(webhook_url=RECEIVER_URL))
    )  # so that the connections are there
    (job,) = await claim(store)
    await store.end_job(ending(job, created_at_ms=1))
    assert len(await _claim_due(store)) == 1
    job = a_job(webhook_url=RECEIVER_URL)
    assert await _trips_of(store, monkeypatch, store.submit(a_submission(job))) == 4
    assert await _trips_of(store, monkeypatch, claim(store)) == 4
    (held,) = [one for one in [await store.get_job(job.job_id)] if one is not None]
    over = ending(held, created_at_ms=1)
    assert await _trips_of(store, monkeypatch, store.end_job(over)) == 6
    assert await _trips_of(store, monkeypatch, _claim_due(store)) == 7


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_lost_answer_of_a_commit_that_begins_the_next_is_made_out_too(
    dsn: str, how: str
) -> None:
    async with between(dsn) as (cutter, through):
        store = await PostgresStore.open(through)
        for _ in range(3):
            jobs = [a_job() for _ in range(600)]  # more than one transaction takes
            cutter.cut_commits = how
            await asyncio.gather(*(store.submit(a_submission(job)) for job in jobs))
        assert cutter.cuts_count == 3
        assert cutter.cut_chains_count > 0
        assert sum((await store.counts()).jobs.values()) == 1800
        assert (await store.ledger()).balances
        await store.close()
