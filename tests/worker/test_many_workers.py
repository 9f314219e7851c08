"""Workers on one database: a job is in two hands only when the first has lost it for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from msgspec.structs import replace

from ringback.errors import LeaseLost, RateLimited
from ringback.ids import Ids
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.transitions import JobEvent
from ringback.maintenance.rescuer import Rescuer
from ringback.service import JobService
from ringback.storage.postgres import PostgresStore
from ringback.wakeups import Wakeups
from tests.builders import ROOMY, a_request
from tests.postgres import Databases

WORKERS = 4
JOBS = 120


@asynccontextmanager
async def services(databases: Databases, count: int) -> AsyncIterator[list[JobService]]:
    """The job services of several processes, each with its own connections."""
    with databases.fresh() as dsn:
        stores = [await PostgresStore.open(dsn) for _ in range(count)]
        try:
            yield [
                JobService(
                    store,
                    clock=store.clock,
                    ids=Ids(store.clock.now_ms, Random(number).getrandbits),
                    limits=ROOMY,
                    wakeups=Wakeups(),
                )
                for number, store in enumerate(stores)
            ]
        finally:
            for store in stores:
                await store.close()


async def claim(
    service: JobService, name: str, *, limit: int = 1, lease_s: float = 60
) -> list[Job]:
    return await service.claim(engine="null", limit=limit, worker_id=name, lease_s=lease_s)


async def test_concurrent_claims_get_every_job_once(databases: Databases) -> None:
    async with services(databases, WORKERS) as workers:
        for _ in range(JOBS):
            await workers[0].submit(a_request())

        async def claim_all(number: int) -> list[str]:
            mine: list[str] = []
            while jobs := await claim(workers[number], f"w{number}", limit=7):
                mine += [job.job_id for job in jobs]
            return mine

        claimed = await asyncio.gather(*map(claim_all, range(WORKERS)))
        handed = [job_id for mine in claimed for job_id in mine]
        # Rows that another was taking were passed over; nothing is left when all have looked.
        handed += [job.job_id for job in await claim(workers[0], "last", limit=JOBS)]
    assert len(handed) == len(set(handed)) == JOBS


async def test_a_worker_that_was_stopped_past_its_lease_writes_nothing(
    databases: Databases,
) -> None:
    async with services(databases, 2) as (stopped, other):
        submitted = (await stopped.submit(a_request())).job
        (stale,) = await claim(stopped, "stopped", lease_s=0.001)
        assert await claim(other, "other") == []  # until its lease is over, it is the first's
        store = other._store
        rescuer = Rescuer(other, store, clock=store.clock, wakeups=Wakeups())
        async with asyncio.timeout(10):
            while not await rescuer.rescue(leases_until_ms=store.clock.now_ms()):
                pass  # the database's clock goes by itself
        (fresh,) = await claim(other, "other")
        assert fresh.epoch > stale.epoch
        with pytest.raises(LeaseLost):
            await stopped.heartbeat(stale, lease_s=60)
        with pytest.raises(LeaseLost):
            await stopped.report(stale, JobEvent.START, lease_s=60)
        with pytest.raises(LeaseLost):
            await stopped.finish(stale, result=JobResult(urls=("http://x/stale.png",)))
        with pytest.raises(LeaseLost):
            await stopped.fail(stale, error="stale")
        await stopped.release(stale)  # gives nothing back that is not its own
        ended = await other.finish(fresh, result=JobResult(urls=("http://x/fresh.png",)))
        seen = await stopped.get(submitted.job_id, workspace_id="studio")
    assert seen.status is JobStatus.COMPLETED
    assert seen.result == ended.result
    assert seen.deaths == 0


async def test_a_wait_in_one_process_sees_an_end_in_another(
    databases: Databases,
) -> None:
    async with services(databases, 2) as (api, worker):
        submitted = (await api.submit(a_request())).job
        waiting = asyncio.create_task(api.wait_for_end(submitted, timeout_s=30))
        async with asyncio.timeout(10):
            while not (jobs := await claim(worker, "w")):
                pass  # until the commit is seen there
        await worker.finish(jobs[0], result=JobResult(urls=()))
        assert (await waiting).status is JobStatus.COMPLETED


async def test_a_rate_is_one_for_all_processes_together(databases: Databases) -> None:
    async with services(databases, 2) as apis:
        for api in apis:
            api._limits = replace(ROOMY, rate=3)
        outcomes = await asyncio.gather(
            *(apis[n % 2].submit(a_request()) for n in range(40)), return_exceptions=True
        )
    refused = [one for one in outcomes if isinstance(one, RateLimited)]
    assert len(refused) + sum(not isinstance(one, Exception) for one in outcomes) == 40
    assert 3 <= 40 - len(refused) < 20  # three at once, and three for every second it took
