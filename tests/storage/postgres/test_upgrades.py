"""Databases of earlier versions, and several servers that upgrade one at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from ringback.errors import SetupError
from ringback.jobs.model import JobStatus
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.migrations_runner import oldest_beside
from ringback.storage.postgres.statements import migrations
from tests.builders import a_job, a_submission
from tests.postgres import Databases
from tests.storage.contract.test_store import ending

NOW = 1_800_000_000_000
_JOB = (
    "insert into jobs (job_id, workspace_id, kind, model, type, engine, input, created_at_ms, "
    "base_url, status, webhook_url, completed_at_ms, lease_until_ms) values "
    "(%s, 'studio', 'image', 'm', 't', 'null', '{}', 1, 'http://x', %s, %s, %s, %s)"
)
RECEIVER_URL = "https://shop.example/hook"
NEWEST = migrations()[-1][0]


@pytest.fixture
def empty(databases: Databases) -> Iterator[str]:
    """A database in which nothing was made yet."""
    with databases.fresh(template="template0") as dsn:
        yield dsn


def made_by(dsn: str, version: int) -> None:
    """Give an empty database the schema of a version, and rows of every kind."""
    with psycopg.connect(dsn, autocommit=True) as database:
        for number, script in migrations():
            if number <= version:
                database.execute(script)
        database.execute("create table schema_version (version integer not null)")
        database.execute("insert into schema_version values (%s)", (version,))
        database.execute(
            "insert into workspaces (workspace_id, created_at_ms, active_count, backlogged_count, "
            "accepted_count, owed_count) values ('studio', 1, 2, 1, 4, 1)"
        )
        for job in (
            ("j1", "completed", RECEIVER_URL, NOW, None),
            ("j2", "queued", None, None, None),
            ("j3", "sampling", RECEIVER_URL, None, NOW),
            ("j4", "backlogged", None, None, None),
        ):
            database.execute(_JOB, job)
        database.execute(
            "insert into events (event_id, workspace_id, job_id, type, engine, model, "
            "created_at_ms, body) values ('e1', 'studio', 'j1', 'job.completed', 'null', 'm', "
            "1, '{}')"
        )
        database.execute(
            "insert into destinations (workspace_id, origin, next_due_at_ms) "
            "values ('studio', 'https://shop.example:443', %s)",
            (NOW,),
        )
        database.execute(
            "insert into deliveries (delivery_id, workspace_id, job_id, event, event_seq, "
            "event_id, url, destination, destination_id, created_at_ms, status, "
            "next_attempt_at_ms, epoch) values ('d1', 'studio', 'j1', 'job.completed', 1, 'e1', "
            "%s, 'https://shop.example:443', 1, 1, 'waiting', %s, 3)",
            (RECEIVER_URL, NOW),
        )


@pytest.mark.parametrize("version", [number for number, _ in migrations()])
async def test_from_every_earlier_schema_nothing_is_lost_and_what_was_owed_is_owed(
    empty: str, version: int
) -> None:
    made_by(empty, version)
    store = await PostgresStore.open(empty)
    queued = await store.claim_jobs(engine="null", limit=9, worker_id="w", lease_until_ms=NOW)
    assert [(job.job_id, job.priority) for job in queued] == [("j2", 0)]
    held = await store.get_job("j3")
    assert held is not None
    assert held.status is JobStatus.SAMPLING
    expired = await store.expired_jobs(now_ms=NOW, limit=9)
    assert sorted(job.job_id for job in expired) == ["j2", "j3"]
    (due,) = await store.claim_due(now_ms=NOW, limit=9, limit_each=9, lease_until_ms=NOW * 2)
    assert (due.delivery_id, due.body, due.epoch) == ("d1", b"{}", 4)
    assert (await store.ledger()).balances
    await store.close()


async def test_a_server_of_the_release_before_goes_on_beside_the_new_schema(empty: str) -> None:
    made_by(empty, NEWEST - 1)
    store = await PostgresStore.open(empty)
    with psycopg.connect(empty, autocommit=True) as old:
        old.execute(_JOB, ("j5", "queued", None, None, None))  # as it always wrote it
        old.execute(
            "update workspaces set active_count = 3, accepted_count = 5 "
            "where workspace_id = 'studio'"
        )
    claimed = await store.claim_jobs(engine="null", limit=9, worker_id="w", lease_until_ms=NOW)
    assert [job.job_id for job in claimed] == ["j2", "j5"]
    assert (await store.ledger()).balances
    await store.close()


def of_a_later_release(dsn: str, *, steps_count: int, oldest: int) -> None:
    """Give a database what so many steps that are not made yet might add."""
    with psycopg.connect(dsn, autocommit=True) as database:
        for number in range(steps_count):
            database.execute(f"alter table jobs add column later_{number} text default 'x'")
            database.execute(f"create table later_{number} (id bigint)")
        database.execute(
            "update schema_version set version = version + %s, oldest = %s", (steps_count, oldest)
        )


@pytest.mark.parametrize("steps_count", [1, 3])
async def test_a_server_of_the_schema_before_goes_on_and_starts_anew_on_one_that_lets_it(
    dsn: str, steps_count: int
) -> None:
    running = await PostgresStore.open(dsn)
    before = await running.submit(a_submission(a_job(webhook_url=RECEIVER_URL)))
    of_a_later_release(dsn, steps_count=steps_count, oldest=NEWEST)
    restarted = await PostgresStore.open(dsn)  # in the midst of a rolling upgrade
    after = await restarted.submit(a_submission(a_job(webhook_url=RECEIVER_URL)))
    jobs = await running.claim_jobs(engine="null", limit=9, worker_id="w", lease_until_ms=NOW)
    assert [job.job_id for job in jobs] == [before.job.job_id, after.job.job_id]
    assert await running.hold_job(jobs[0], lease_until_ms=NOW * 2)
    for store, job in zip((restarted, running), jobs, strict=True):
        assert await store.end_job(ending(job, created_at_ms=1))
    due = await restarted.claim_due(now_ms=NOW * 2, limit=9, limit_each=9, lease_until_ms=NOW * 3)
    assert {one.job_id for one in due} == {job.job_id for job in jobs}
    await running.release_deliveries(due, now_ms=NOW)
    assert (await running.ledger()).balances
    with psycopg.connect(dsn) as database:
        found = database.execute("select version, oldest from schema_version").fetchall()
    assert found == [(NEWEST + steps_count, NEWEST)]
    for store in (running, restarted):
        await store.close()


async def test_a_server_that_is_older_than_the_database_demands_is_refused_and_told_why(
    dsn: str,
) -> None:
    of_a_later_release(dsn, steps_count=1, oldest=NEWEST + 1)
    refusal = rf"schema {NEWEST + 1}, which a server needs schema {NEWEST + 1} for.*knows {NEWEST}"
    with pytest.raises(SetupError, match=refusal):
        await PostgresStore.open(dsn)


async def test_a_database_that_was_made_before_it_said_who_may_run_says_so_from_the_next_step_on(
    empty: str,
) -> None:
    made_by(empty, NEWEST - 1)  # whose table of versions has no such column
    await (await PostgresStore.open(empty)).close()
    with psycopg.connect(empty) as database:
        found = database.execute("select version, oldest from schema_version").fetchall()
    assert found == [(NEWEST, oldest_beside(NEWEST))]


async def test_a_later_schema_that_says_nothing_of_who_may_run_lets_nobody(empty: str) -> None:
    made_by(empty, NEWEST)
    with psycopg.connect(empty) as database:
        database.execute("update schema_version set version = version + 1")
    with pytest.raises(SetupError, match="later Ringback"):
        await PostgresStore.open(empty)


@pytest.mark.parametrize("number", [number for number, _ in migrations()])
def test_every_step_says_who_may_run_beside_it_and_lets_the_one_before(number: int) -> None:
    oldest = oldest_beside(number)
    assert oldest_beside(number - 1) <= oldest <= number
    breaks = {1: "nothing was before", 3: "who knows of no listeners would call them"}
    assert number in breaks or oldest < number


async def test_servers_that_start_at_once_on_an_empty_database_make_one_schema(empty: str) -> None:
    stores = await asyncio.gather(*(PostgresStore.open(empty) for _ in range(5)))
    for store in stores:
        assert await store.list_workspaces() == []
        await store.close()
    with psycopg.connect(empty) as database:
        found = database.execute("select version from schema_version").fetchall()
    assert found == [(NEWEST,)]
