"""The operations on jobs, on a real store, with time handed in."""

from __future__ import annotations

import asyncio
import json

import pytest

from ringback.errors import Draining, JobNotFound, LeaseLost, StorageFull
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.transitions import JobEvent
from ringback.service import DEATHS_MAX, JobService, webhook_body
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from tests.builders import a_request

WEBHOOK_URL = "https://shop.example/webhook"


async def claim(service: JobService, *, lease_s: float = 15) -> Job:
    (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=lease_s)
    return job


async def rescue(service: JobService, store: SqliteStore, clock: FakeClock) -> int:
    """Rescue every job whose lease is over, as the rescuer does."""
    expired = await store.expired_jobs(now_ms=clock.now_ms(), limit=10)
    return sum([await service.rescue(job) for job in expired])


async def test_a_submitted_job_is_visible_to_its_workspace_alone(service: JobService) -> None:
    job = (await service.submit(a_request())).job
    assert await service.get(job.job_id, workspace_id="studio") == job
    with pytest.raises(JobNotFound):
        await service.get(job.job_id, workspace_id="rival")
    with pytest.raises(JobNotFound):
        await service.cancel(job.job_id, workspace_id="rival")


async def test_a_finished_job_owes_one_delivery_of_the_contracts_five_members(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    await service.submit(a_request(webhook_url=WEBHOOK_URL))
    job = await claim(service)
    clock.advance(5)
    done = await service.finish(job, result=JobResult(urls=("http://x/a.png",)))
    (delivery,) = await store.deliveries_of(job.job_id)
    assert delivery.destination == "https://shop.example:443"
    assert delivery.body == webhook_body(done)
    body = json.loads(delivery.body)
    assert list(body) == ["job_id", "status", "created_at", "completed_at", "result"]
    assert body["status"] == "completed"
    assert body["result"] == {"urls": ["http://x/a.png"]}
    assert body["created_at"] < body["completed_at"]


async def test_a_job_without_a_webhook_owes_nothing(
    service: JobService, store: SqliteStore
) -> None:
    await service.submit(a_request())
    job = await claim(service)
    await service.finish(job, result=JobResult(urls=()))
    assert await store.deliveries_of(job.job_id) == []


@pytest.mark.parametrize("claimed", [False, True])
async def test_a_cancelled_job_ends_at_once_with_an_event(
    service: JobService, store: SqliteStore, claimed: bool
) -> None:
    job = (await service.submit(a_request(webhook_url=WEBHOOK_URL))).job
    if claimed:
        job = await claim(service)
    await service.cancel(job.job_id, workspace_id="studio")
    over = await service.get(job.job_id, workspace_id="studio")
    assert over.status is JobStatus.CANCELLED
    (delivery,) = await store.deliveries_of(job.job_id)
    assert json.loads(delivery.body)["result"] == {"error": "The job was cancelled."}


async def test_cancelling_a_job_that_has_ended_changes_nothing(
    service: JobService, store: SqliteStore
) -> None:
    await service.submit(a_request(webhook_url=WEBHOOK_URL))
    done = await service.finish(await claim(service), result=JobResult(urls=()))
    assert (await service.cancel(done.job_id, workspace_id="studio")).status is done.status
    assert len(await store.deliveries_of(done.job_id)) == 1


async def test_the_worker_of_a_cancelled_job_can_write_nothing_more(service: JobService) -> None:
    await service.submit(a_request())
    job = await claim(service)
    await service.cancel(job.job_id, workspace_id="studio")
    for write in (
        service.finish(job, result=JobResult(urls=("http://x/late.png",))),
        service.fail(job, error="late"),
        service.heartbeat(job, lease_s=15),
        service.report(job, JobEvent.START, lease_s=15),
    ):
        with pytest.raises(LeaseLost):
            await write
    over = await service.get(job.job_id, workspace_id="studio")
    assert over.status is JobStatus.CANCELLED


async def test_cancels_and_a_finish_at_once_end_the_job_once(
    service: JobService, store: SqliteStore
) -> None:
    await service.submit(a_request(webhook_url=WEBHOOK_URL))
    job = await claim(service)
    await asyncio.gather(
        *(service.cancel(job.job_id, workspace_id="studio") for _ in range(5)),
        service.finish(job, result=JobResult(urls=())),
        return_exceptions=True,
    )
    assert len(await store.deliveries_of(job.job_id)) == 1


async def test_a_report_is_shown_and_extends_the_lease(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    await service.submit(a_request())
    job = await claim(service, lease_s=10)
    clock.advance(8)
    job = await service.report(
        job, JobEvent.START, JobEvent.PREVIEW, lease_s=10, progress=0.3, urls=("http://x/p.png",)
    )
    clock.advance(8)
    assert await rescue(service, store, clock) == 0
    seen = await service.get(job.job_id, workspace_id="studio")
    assert (seen.status, seen.progress) == (JobStatus.INTERMEDIATE_COMPLETE, 0.3)


@pytest.mark.parametrize("resume_state", [None, "submitted"])
async def test_no_number_of_dead_servers_fails_a_job(
    service: JobService, store: SqliteStore, clock: FakeClock, resume_state: str | None
) -> None:
    job = (await service.submit(a_request(webhook_url=WEBHOOK_URL))).job
    for _ in range(50):
        held = await claim(service, lease_s=10)
        if resume_state is not None:
            await service.remember(held, resume_state=resume_state, lease_s=10)
        clock.advance(11)
        assert await rescue(service, store, clock) == 1
    seen = await service.get(job.job_id, workspace_id="studio")
    assert (seen.status, seen.deaths) == (JobStatus.QUEUED, 0)


async def test_a_job_that_kills_its_process_three_times_fails_even_if_servers_died_between(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    job = (await service.submit(a_request(webhook_url=WEBHOOK_URL))).job
    for deaths in range(1, DEATHS_MAX + 1):
        await claim(service, lease_s=10)
        clock.advance(11)
        assert await rescue(service, store, clock) == 1
        await service.count_death(await claim(service, lease_s=10))
        assert (await service.get(job.job_id, workspace_id="studio")).deaths == deaths
    over = await service.get(job.job_id, workspace_id="studio")
    assert over.status is JobStatus.FAILED
    assert over.result is not None
    assert over.result.error == "The process that made the result died 3 times while making it."
    assert len(await store.deliveries_of(job.job_id)) == 1


@pytest.mark.parametrize("deaths", [0, DEATHS_MAX - 1])
async def test_a_death_is_not_counted_by_a_worker_whose_lease_has_ended(
    service: JobService, store: SqliteStore, clock: FakeClock, deaths: int
) -> None:
    job = (await service.submit(a_request())).job
    for _ in range(deaths):
        await service.count_death(await claim(service, lease_s=10))
    stale = await claim(service, lease_s=10)
    clock.advance(11)
    await rescue(service, store, clock)
    with pytest.raises(LeaseLost):
        await service.count_death(stale)
    seen = await service.get(job.job_id, workspace_id="studio")
    assert (seen.status, seen.deaths) == (JobStatus.QUEUED, deaths)


async def test_a_worker_paused_past_its_lease_changes_nothing(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    await service.submit(a_request())
    stale = await claim(service, lease_s=10)
    clock.advance(30)
    await rescue(service, store, clock)
    held = await claim(service)
    with pytest.raises(LeaseLost):
        await service.finish(stale, result=JobResult(urls=("http://x/stale.png",)))
    done = await service.finish(held, result=JobResult(urls=("http://x/good.png",)))
    seen = await service.get(done.job_id, workspace_id="studio")
    assert seen.result is not None
    assert seen.result.urls == ("http://x/good.png",)


async def test_a_wait_for_a_jobs_end_returns_the_end(service: JobService) -> None:
    job = (await service.submit(a_request())).job
    waiting = asyncio.create_task(service.wait_for_end(job, timeout_s=60))
    held = await claim(service)
    await service.finish(held, result=JobResult(urls=()))
    assert (await waiting).status is JobStatus.COMPLETED


async def test_a_wait_for_an_end_ends_when_the_server_shuts_down(service: JobService) -> None:
    job = (await service.submit(a_request())).job
    waiting = asyncio.create_task(service.wait_for_end(job, timeout_s=60))
    await service.get(job.job_id, workspace_id="studio")
    service.drain()
    assert (await waiting).status is JobStatus.QUEUED
    with pytest.raises(Draining):
        await service.submit(a_request())


async def test_a_database_that_may_not_grow_refuses_new_jobs_and_finishes_the_old(
    service: JobService, store: SqliteStore
) -> None:
    await service.submit(a_request(webhook_url=WEBHOOK_URL))
    job = await claim(service)
    store.limit_size(1)  # SQLite rounds up to the present size: no page may be added
    with pytest.raises(StorageFull):
        await service.submit(a_request(input={"prompt": "x" * 500_000}))
    store.limit_size(100_000)
    await service.finish(job, result=JobResult(urls=()))
    assert len(await store.deliveries_of(job.job_id)) == 1
