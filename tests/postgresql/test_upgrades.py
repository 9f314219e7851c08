"""Databases of earlier versions, and several servers that upgrade one at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from postgres import Databases

from ringback.errors import SetupError
from ringback.jobs.model import JobStatus
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.statements import migrations

NOW = 1_800_000_000_000
_JOB = (
    "insert into jobs (job_id, workspace_id, kind, model, type, engine, input, created_at_ms, "
    "base_url, status, webhook_url, completed_at_ms, lease_until_ms) values "
    "(%s, 'studio', 'image', 'm', 't', 'null', '{}', 1, 'http://x', %s, %s, %s, %s)"
)
HOOK = "https://shop.example/hook"
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
            ("j1", "completed", HOOK, NOW, None),
            ("j2", "queued", None, None, None),
            ("j3", "sampling", HOOK, None, NOW),
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
            (HOOK, NOW),
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


async def test_servers_that_start_at_once_on_an_empty_database_make_one_schema(empty: str) -> None:
    stores = await asyncio.gather(*(PostgresStore.open(empty) for _ in range(5)))
    for store in stores:
        assert await store.list_workspaces() == []
        await store.close()
    with psycopg.connect(empty) as database:
        found = database.execute("select version from schema_version").fetchall()
    assert found == [(NEWEST,)]


async def test_the_data_of_a_later_version_are_not_touched(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute("update schema_version set version = 99")
    with pytest.raises(SetupError, match="later Ringback"):
        await PostgresStore.open(dsn)
