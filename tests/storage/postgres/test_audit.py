"""The database's notes of its changes, checked by the simulation's ledger."""

from __future__ import annotations

import psycopg
import pytest

from ringback.storage.postgres import PostgresStore
from tests.builders import a_job, a_submission
from tests.e2e.fleet import RealTime
from tests.sim.audit import changes_after, commits_of, postgres_audit
from tests.sim.ledger import Ledger
from tests.storage.contract.test_store import claim, ending


async def an_ended_job(dsn: str) -> None:
    with psycopg.connect(dsn) as database:
        database.execute(postgres_audit())
    store = await PostgresStore.open(dsn)
    await store.submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
    (job,) = await claim(store)
    assert await store.end_job(ending(job))
    await store.close()


def wrong_in(dsn: str) -> list[str]:
    ledger = Ledger(RealTime(), schedule_s=(0.0,), lease_ms=1)
    with psycopg.connect(dsn) as database:
        for commit in commits_of(database.execute(changes_after(0))):
            ledger.follow(commit)
    return ledger.wrong


async def test_what_the_store_commits_breaks_no_promise(dsn: str) -> None:
    await an_ended_job(dsn)
    assert wrong_in(dsn) == []


@pytest.mark.parametrize(
    ("tampering", "logged"),
    [
        ("update jobs set status = 'queued'", "was completed and is changed to queued"),
        ("update deliveries set status = 'delivered'", "changed hands"),
        ("update deliveries set status = 'cancelled', epoch = epoch + 1", "nobody asked for it"),
        ("delete from jobs", "was deleted"),
    ],
)
async def test_a_broken_promise_is_reported(dsn: str, tampering: str, logged: str) -> None:
    await an_ended_job(dsn)
    with psycopg.connect(dsn) as database:
        database.execute(tampering)
    assert any(logged in sentence for sentence in wrong_in(dsn))


async def test_an_end_and_what_it_owes_are_one_transaction(dsn: str) -> None:
    await an_ended_job(dsn)
    with psycopg.connect(dsn) as database:
        # As if the delivery had been written by another transaction.
        database.execute("update audit set tx = tx + 1000000 where what like 'delivery%'")
    assert any("0 of 1 webhooks are owed" in sentence for sentence in wrong_in(dsn))
