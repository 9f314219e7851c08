"""Jobs and deliveries that lost their holder return to the queue, even past errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.files.artifacts.local import LocalArtifacts
from ringback.jobs.model import Job, JobStatus
from ringback.maintenance.rescuer import Rescuer
from ringback.server.app import App
from ringback.service import JobService
from ringback.settings import Settings
from ringback.testing import FakeClock, FakeFetcher, ScriptedEngine, settle
from ringback.wakeups import Wakeups
from ringback.worker import Slot, Worker
from tests.builders import a_request, open_workspaces
from tests.storage.sqlite.disk import FillableStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FillableStore]:
    opened = await FillableStore.open(tmp_path / "data")
    assert isinstance(opened, FillableStore)
    await open_workspaces(opened, "studio")
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def held(service: JobService, *, lease_s: float = 15) -> Job:
    """Return a job in the hands of a worker that has died since."""
    await service.submit(a_request())
    (job,) = await service.claim(engine="null", limit=1, worker_id="dead", lease_s=lease_s)
    return job


async def status_of(service: JobService, job: Job) -> JobStatus:
    return (await service.get(job.job_id, workspace_id="studio")).status


async def test_a_job_whose_rescue_breaks_does_not_keep_the_others_waiting(
    service: JobService, store: FillableStore, clock: FakeClock, wakeups: Wakeups
) -> None:
    broken = await held(service)
    others = [await held(service) for _ in range(3)]
    # No operation writes this row: a lease on a job that has ended.
    store._connection.execute(
        "update jobs set status = 'completed' where job_id = ?", (broken.job_id,)
    )
    clock.advance(16)
    rescuer = Rescuer(service, store, clock=clock, wakeups=wakeups)
    assert await rescuer.rescue(leases_until_ms=clock.now_ms()) == 3
    assert [await status_of(service, job) for job in others] == [JobStatus.QUEUED] * 3


async def test_jobs_that_lost_their_worker_together_share_the_commits_of_their_rescue(
    service: JobService, store: FillableStore, clock: FakeClock, wakeups: Wakeups
) -> None:
    for _ in range(4):
        await held(service)
    before = store.commits_count
    assert await Rescuer(service, store, clock=clock, wakeups=wakeups).rescue_all() == 4
    assert store.commits_count - before == 2  # the jobs, and the deliveries that were in hand


async def test_no_number_of_dead_workers_fails_a_job(
    service: JobService, store: FillableStore, clock: FakeClock, wakeups: Wakeups
) -> None:
    rescuer = Rescuer(service, store, clock=clock, wakeups=wakeups)
    job = await held(service)
    for _ in range(30):
        clock.advance(16)
        assert await rescuer.rescue(leases_until_ms=clock.now_ms()) == 1
        assert await status_of(service, job) is JobStatus.QUEUED
        await service.claim(engine="null", limit=1, worker_id="dead", lease_s=15)


async def test_a_server_starts_on_a_full_disk_and_rescues_as_soon_as_there_is_room(
    service: JobService, store: FillableStore, tmp_path: Path
) -> None:
    job = await held(service, lease_s=3_600)
    store.is_full = True
    app = App(Settings(data=tmp_path / "data"), store, listening=("127.0.0.1", 7464))
    async with app.working():
        await settle()
        assert await status_of(service, job) is JobStatus.SCHEDULED
        store.is_full = False
        ended = await app.service.wait_for_end(job, timeout_s=10)
        assert (ended.status, ended.deaths) == (JobStatus.COMPLETED, 0)


async def test_a_finished_job_that_waits_for_room_is_its_workers_to_write(
    service: JobService, store: FillableStore, clock: FakeClock, wakeups: Wakeups, tmp_path: Path
) -> None:
    async def draw_while_the_disk_fills(request: EngineRequest, io: EngineIO) -> Made:
        store.is_full = True
        return Made()

    engine = ScriptedEngine(draw_while_the_disk_fills)
    worker = Worker(
        service,
        slots={"null": Slot(engine=engine, concurrency=1)},
        artifacts=LocalArtifacts(tmp_path / "artifacts"),
        fetcher=FakeFetcher(),
        clock=clock,
        wakeups=wakeups,
        worker_id="w1",
        lease_s=15,
        job_timeout_s=60,
    )
    rescuer = Rescuer(service, store, clock=clock, wakeups=wakeups, is_held=worker.holds)
    job = (await service.submit(a_request())).job
    assert await worker.run_once() == 1
    await engine.started.wait()
    await clock.elapse(60)  # far beyond the lease, which could not be extended
    store.is_full = False
    # The worst order of the two: the rescuer looks first.
    assert await rescuer.rescue(leases_until_ms=clock.now_ms()) == 0
    ending = asyncio.create_task(service.wait_for_end(job, timeout_s=5))
    await clock.elapse(1)
    ended = await ending
    assert (ended.status, ended.deaths) == (JobStatus.COMPLETED, 0)
    assert engine.runs == ["finished"]
    await worker.drain(0.0)
