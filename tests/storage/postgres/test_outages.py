"""Connections that break, whenever they do: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from structlog.testing import capture_logs

from ringback.errors import SetupError, StorageUnavailable
from ringback.storage.postgres import PostgresStore
from ringback.storage.postgres.connections import Server
from ringback.testing import settle
from ringback.webhooks.events import EventType
from tests.builders import a_job, a_submission
from tests.raw import raw
from tests.storage.contract.test_store import LATER, claim, ending
from tests.storage.postgres.between import between


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_commit_whose_answer_was_lost_is_made_once(dsn: str, how: str) -> None:
    async with between(dsn) as (cutter, through):
        store = await PostgresStore.open(through)
        cutter.cut_commits = how
        submissions = [a_submission() for _ in range(5)]
        accepted = await asyncio.gather(*(store.submit(one) for one in submissions))
        assert cutter.cuts_count == 1
        assert (await store.counts()).jobs == {"queued": 5}
        cutter.cut_commits = how
        held = await claim(store)
        assert sorted(job.job_id for job in held) == sorted(one.job.job_id for one in accepted)
        assert {job.epoch for job in held} == {1}
        cutter.cut_commits = how
        assert all(await asyncio.gather(*(store.end_job(ending(job)) for job in held)))
        assert cutter.cuts_count == 3
        assert (await store.ledger()).balances
        await store.close()


async def test_cut_connections_are_made_anew_in_the_midst_of_work(dsn: str) -> None:
    async with between(dsn) as (cutter, through):
        store = await PostgresStore.open(through)

        async def job_after_job(cuts: bool) -> None:
            for _ in range(6):
                if cuts:
                    cutter.cut_all()
                job = a_job(webhook_url="https://shop.example/hook")
                await store.submit(a_submission(job))
                known = await store.get_job(job.job_id)
                assert known is not None
                over = ending(known, type=EventType.JOB_CANCELLED)
                assert await store.end_job(over)

        await asyncio.gather(*(job_after_job(number == 0) for number in range(4)))
        assert (await store.counts()).jobs == {"cancelled": 24}
        assert (await store.counts()).deliveries == {"waiting": 24}
        assert (await store.ledger()).faults == ()
        await store.close()


async def test_while_the_server_is_away_whoever_writes_or_reads_is_told_so(dsn: str) -> None:
    async with between(dsn) as (cutter, through):
        store = await PostgresStore.open(through, patience_s=0.2)
        cutter.refuses = True
        cutter.cut_all()
        with pytest.raises(StorageUnavailable):
            await store.submit(a_submission())
        with pytest.raises(StorageUnavailable):
            await store.get_job("any")
        cutter.refuses = False
        await store.submit(a_submission())
        await store.close()


async def test_a_server_that_ends_its_sessions_is_connected_to_again(store: PostgresStore) -> None:
    await store.submit(a_submission())
    await raw(
        store,
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()",
    )
    assert len(await claim(store)) == 1
    assert (await store.counts()).jobs == {"scheduled": 1}


async def test_writers_in_each_others_way_are_all_served(dsn: str) -> None:
    stores = [await PostgresStore.open(dsn) for _ in range(2)]
    jobs = [a_job(workspace_id=name) for name in ("studio", "rival") * 10]
    for job in jobs:
        await stores[0].submit(a_submission(job))
    held = await claim(stores[0], 20)
    # Each of the two holds half of what the other wants next.
    ways = (held, held[::-1])
    endings = [(n, ending(job)) for n, way in enumerate(ways) for job in way]
    won = await asyncio.gather(*(stores[n].end_job(one) for n, one in endings))
    assert sum(won) == 20
    assert (await stores[0].ledger()).balances
    for store in stores:
        await store.close()


async def test_one_key_makes_one_job_also_through_two_processes(dsn: str) -> None:
    stores = [await PostgresStore.open(dsn) for _ in range(2)]
    accepted = await asyncio.gather(*(store.submit(a_submission(key="k")) for store in stores * 10))
    assert len({one.job.job_id for one in accepted}) == 1
    for store in stores:
        await store.close()


async def test_claimers_of_several_processes_never_share_a_job_or_a_delivery(dsn: str) -> None:
    stores = [await PostgresStore.open(dsn) for _ in range(3)]
    for _ in range(30):
        await stores[0].submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
    claims = await asyncio.gather(*(claim(store, 4) for store in stores * 5))
    jobs = [job for some in claims for job in some]
    while more := await claim(stores[0]):
        jobs += more
    assert len(jobs) == len({job.job_id for job in jobs}) == 30
    await asyncio.gather(
        *(stores[n % 3].end_job(ending(job, created_at_ms=1)) for n, job in enumerate(jobs))
    )
    deliveries = await asyncio.gather(
        *(
            store.claim_due(now_ms=LATER, limit=4, limit_each=4, lease_until_ms=LATER * 2)
            for store in stores * 5
        )
    )
    ids = [one.delivery_id for some in deliveries for one in some]
    assert len(ids) == len(set(ids))
    assert ids
    for store in stores:
        await store.close()


async def test_behind_a_pooler_nothing_is_prepared_and_everything_works(dsn: str) -> None:
    async with between(dsn) as (pooler, through):
        pooler.is_pooler = True
        store = await PostgresStore.open(through)
        await store.submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
        (job,) = await claim(store)
        assert await store.end_job(ending(job, created_at_ms=1))
        assert (await store.ledger()).balances
        prepared = await store._reader.query(_prepared, at_one_moment=False)
        assert prepared == 0
        await store.close()


def _prepared():  # type: ignore[no-untyped-def]
    from ringback.storage.postgres.statements import STATEMENTS, made_ready

    STATEMENTS.setdefault(
        "tests.prepared", made_ready("select count(*) from pg_prepared_statements where name <> ''")
    )
    ((count,),) = yield "tests.prepared", {}
    return count


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(SetupError, match="database") as refused:
        await PostgresStore.open("postgresql://me:hush@127.0.0.1:1/jobs", start_s=0.3)
    assert "hush" not in str(refused.value)


async def test_a_server_that_is_away_for_a_moment_is_waited_for_at_the_start(dsn: str) -> None:
    async with between(dsn) as (cutter, through):
        cutter.refuses = True
        with capture_logs() as logged:
            opening = asyncio.create_task(PostgresStore.open(through))
            async with asyncio.timeout(10):
                while not logged:
                    await settle()
            cutter.refuses = False
            store = await opening
        assert [one["event"] for one in logged] == ["database_away"]  # once, however often it tries
        assert (await store.counts()).jobs == {}
        await store.close()


async def test_a_server_that_says_that_it_is_starting_is_waited_for_beyond_the_patience(
    dsn: str,
) -> None:
    async with between(dsn) as (starting, through):
        starting.starting_count = 3
        await Server(through).detect_pooler(wait_s=0)
        assert starting.starting_count == 0


async def test_a_name_that_is_no_database_is_a_sentence(dsn: str) -> None:
    with pytest.raises(SetupError, match="cannot be reached"):
        await PostgresStore.open(dsn.replace("ringback_test", "nowhere"))
    with psycopg.connect(dsn) as still:
        assert still.execute("select 1").fetchone() == (1,)
