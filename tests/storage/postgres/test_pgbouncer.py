"""The store behind a real pgbouncer: all of it works, and a restart in the midst loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from ringback.jobs.model import Job
from ringback.storage.postgres import PostgresStore
from ringback.wakeups import Wakeups
from tests.builders import a_job, a_submission
from tests.storage.contract.test_store import LATER, claim, ending
from tests.storage.postgres.pgbouncer import Bouncer, a_bouncer, needs_pgbouncer

pytestmark = needs_pgbouncer

RECEIVER_URL = "https://shop.example/hook"
HOUR_S = 3600
JOBS = 400


@pytest.fixture
def bouncer(dsn: str) -> Iterator[Bouncer]:
    with a_bouncer(dsn) as made:
        yield made


async def _ways(bouncer: Bouncer) -> list[PostgresStore]:
    return [await PostgresStore.open(bouncer.dsn) for _ in range(2)]


async def _end_all(stores: list[PostgresStore]) -> list[str]:
    """Claim and end all queued jobs, on all stores at once; return them."""

    async def work(store: PostgresStore) -> list[str]:
        done: list[str] = []
        while jobs := await claim(store, 16):
            won = await asyncio.gather(*(store.end_job(_end_of(job)) for job in jobs))
            done += [job.job_id for job, mine in zip(jobs, won, strict=True) if mine]
        return done

    return [one for some in await asyncio.gather(*map(work, stores)) for one in some]


def _end_of(job: Job):  # type: ignore[no-untyped-def]
    return ending(job, created_at_ms=1)


async def _deliver_all(stores: list[PostgresStore]) -> list[str]:
    """Claim all due deliveries, on all stores at once; return their jobs."""

    async def take(store: PostgresStore) -> list[str]:
        taken: list[str] = []
        while due := await store.claim_due(
            now_ms=LATER, limit=16, limit_each=16, lease_until_ms=LATER * 2
        ):
            taken += [one.job_id for one in due]
        return taken

    return [one for some in await asyncio.gather(*map(take, stores)) for one in some]


async def test_it_is_noticed_and_a_job_goes_all_the_way_through_it(bouncer: Bouncer) -> None:
    stores = await _ways(bouncer)
    assert all(store._server.is_pooled for store in stores)
    job = a_job(webhook_url=RECEIVER_URL)
    await asyncio.gather(*(stores[n % 2].submit(a_submission(job, key="k")) for n in range(10)))
    assert await _end_all(stores) == [job.job_id]
    assert await _deliver_all(stores) == [job.job_id]
    assert (await stores[0].ledger()).balances
    await stores[1].maintain()
    for store in stores:
        await store.close()


async def test_notifications_go_past_it_where_the_direct_address_is_set(
    dsn: str, bouncer: Bouncer
) -> None:
    wakeups = Wakeups()
    there = await PostgresStore.open(bouncer.dsn, direct=dsn, wakeups=wakeups)
    here = await PostgresStore.open(bouncer.dsn, direct=dsn)
    await there._notifications.listening.wait()
    await wakeups.queued.wait(0)  # rung as it began to listen
    await here.submit(a_submission())
    await wakeups.queued.wait(HOUR_S)  # what waits for it would look by itself much later
    assert len(await claim(there)) == 1
    for store in (here, there):
        await store.close()


@pytest.mark.timeout(120)  # a busy machine takes its time to start it seven times
async def test_a_restart_in_the_midst_of_work_loses_nothing_and_does_nothing_twice(
    bouncer: Bouncer,
) -> None:
    stores = await _ways(bouncer)
    jobs = [a_job(webhook_url=RECEIVER_URL) for _ in range(JOBS)]

    async def submit_all() -> None:
        for first in range(0, JOBS, 8):
            await asyncio.gather(
                *(stores[n % 2].submit(a_submission(jobs[n])) for n in range(first, first + 8))
            )

    async def restart(count: int) -> None:
        for _ in range(count):
            await asyncio.to_thread(bouncer.restart)

    with capture_logs() as logged:
        await asyncio.gather(submit_all(), restart(3))
        ended, _ = await asyncio.gather(_end_all(stores), restart(2))
        delivered, _ = await asyncio.gather(_deliver_all(stores), restart(2))
    # Some connection was cut in use; one that is cut while nobody uses it is made anew in silence.
    assert {one["event"] for one in logged} & {"database_lost", "notifications_lost"}
    assert sorted(ended) == sorted(job.job_id for job in jobs)
    assert sorted(delivered) == sorted(ended)
    assert (await stores[0].ledger()).balances
    for store in stores:
        await store.close()
