"""Interim events go to receivers that select them, not too often and never after the end."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from ringback.errors import LeaseLost, StorageFull
from ringback.ids import Ids
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.service import GenerationRequest, JobService, webhook_body
from ringback.service.job_events import JobEventPublisher, event_of
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from ringback.wakeups import Wakeups
from ringback.webhooks.events import EventType
from ringback.webhooks.model import Delivery
from tests.builders import a_job, a_key, a_request, an_endpoint

WEBHOOK_URL = "https://shop.example/webhook"
ALL = ("job.completed", "job.backlogged", "job.started", "job.progress")


def asking(**changes: Any) -> GenerationRequest:
    return a_request(webhook_url=WEBHOOK_URL, webhook_events=ALL, **changes)


async def started(service: JobService, request: GenerationRequest) -> Job:
    await service.submit(request)
    (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=60)
    return await service.report(job, JobEvent.START, lease_s=60)


async def progress(service: JobService, job: Job, fraction: float) -> Job:
    return await service.report(job, JobEvent.SAMPLE, lease_s=60, progress=fraction)


async def waiting(store: SqliteStore, job: Job) -> list[Delivery]:
    return [one for one in await store.deliveries_of(job.job_id) if one.status.value == "waiting"]


async def claim(store: SqliteStore, clock: FakeClock) -> list[Delivery]:
    now_ms = clock.now_ms()
    return await store.claim_due(
        now_ms=now_ms, limit=10, limit_each=10, lease_until_ms=now_ms + 60_000
    )


async def test_receivers_that_select_no_interim_event_get_none(
    service: JobService, store: SqliteStore
) -> None:
    await store.add_endpoint(an_endpoint(), a_key(), limit=9)
    job = await started(service, a_request(webhook_url=WEBHOOK_URL))
    await progress(service, job, 0.5)
    assert await store.deliveries_of(job.job_id) == []


async def test_a_jobs_webhook_url_and_an_endpoint_each_get_the_events_that_they_select(
    service: JobService, store: SqliteStore
) -> None:
    await store.add_endpoint(an_endpoint(events=("job.started",)), a_key(), limit=9)
    await store.add_endpoint(
        an_endpoint(events=("job.started",), models=("x/y",)), a_key(), limit=9
    )
    job = await started(service, asking())
    await progress(service, job, 0.5)
    sent = [(one.event, one.url) for one in await waiting(store, job)]
    assert sent == [
        ("job.started", WEBHOOK_URL),
        ("job.started", "https://shop.example/all"),
        ("job.progress", WEBHOOK_URL),
    ]


async def test_a_job_beyond_the_limit_sends_one_backlogged_event(
    service: JobService, store: SqliteStore
) -> None:
    for _ in range(4):
        await service.submit(a_request())
    request = asking(idempotency_key="k")
    job = (await service.submit(request)).job
    assert (await service.submit(request)).replayed
    (delivery,) = await store.deliveries_of(job.job_id)
    assert delivery.event == "job.backlogged"
    assert json.loads(delivery.body)["status"] == "backlogged"


async def test_a_new_endpoint_is_noticed_within_a_second(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    await started(service, a_request())  # no endpoint selects the event, which is cached
    await store.add_endpoint(an_endpoint(events=("job.started",)), a_key(), limit=9)
    clock.advance(1)
    job = await started(service, a_request())
    assert [one.event for one in await waiting(store, job)] == ["job.started"]


async def test_progress_is_sent_once_a_second_and_replaces_waiting_progress(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    job = await started(service, asking())
    for step in range(12):
        job = await progress(service, job, step / 20)
        clock.advance(0.25)
        assert len([d for d in await waiting(store, job) if d.event == "job.progress"]) == 1
    sent = [one for one in await store.deliveries_of(job.job_id) if one.event == "job.progress"]
    assert [json.loads(one.body)["progress"] for one in sent] == [0.0, 0.2, 0.4]
    assert [one.status.value for one in sent] == ["cancelled", "cancelled", "waiting"]


async def test_no_progress_is_sent_while_the_last_attempt_is_in_flight(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    await store.add_endpoint(an_endpoint(events=("job.progress",)), a_key(), limit=9)
    job = await progress(service, await started(service, asking()), 0.1)
    clock.advance(1)
    under_way = [one for one in await claim(store, clock) if one.url == WEBHOOK_URL]
    others = [one for one in await waiting(store, job) if one.url != WEBHOOK_URL]
    await store.release_deliveries(others, now_ms=clock.now_ms())
    assert {one.event for one in under_way} == {"job.started", "job.progress"}
    job = await progress(service, job, 0.2)
    news = [one for one in await waiting(store, job) if one.event == "job.progress"]
    assert sorted((one.url, json.loads(one.body)["progress"]) for one in news) == [
        ("https://shop.example/all", 0.2),
        (WEBHOOK_URL, 0.1),
    ]


async def test_the_end_cancels_waiting_interim_deliveries_and_no_event_follows_it(
    service: JobService, store: SqliteStore, clock: FakeClock
) -> None:
    job = await progress(service, await started(service, asking()), 0.1)
    clock.advance(1)
    await service.finish(job, result=JobResult(urls=("http://x/a.png",)))
    with pytest.raises(LeaseLost):
        await progress(service, job, 0.2)
    assert [one.event for one in await waiting(store, job)] == ["job.completed"]


async def test_a_worker_that_has_lost_its_job_sends_no_event(
    service: JobService, store: SqliteStore
) -> None:
    lost = await started(service, asking())
    await service.release(lost)
    event = event_of(lost, EventType.JOB_PROGRESS, event_id="e", now_ms=1)
    assert not await store.add_interim_event(lost, event)
    assert [one.event for one in await store.deliveries_of(lost.job_id)] == ["job.started"]


async def test_progress_sent_twice_in_one_commit_makes_one_delivery(
    service: JobService, store: SqliteStore
) -> None:
    job = await started(
        service, a_request(webhook_url=WEBHOOK_URL, webhook_events=("job.progress",))
    )
    events = [event_of(job, EventType.JOB_PROGRESS, event_id=f"e{n}", now_ms=n) for n in range(5)]
    assert all(await asyncio.gather(*(store.add_interim_event(job, event) for event in events)))
    (delivery,) = await waiting(store, job)
    assert delivery.created_at_ms == 4


async def test_a_full_disk_drops_an_interim_event_and_the_job_is_accepted(
    service: JobService, store: SqliteStore
) -> None:
    job = await started(service, asking())
    store.limit_size(1)
    big = replace(job, result=JobResult(urls=("u" * 900_000,)))
    with pytest.raises(StorageFull):
        await store.add_interim_event(
            job, event_of(big, EventType.JOB_STARTED, event_id="e", now_ms=1)
        )
    clock = FakeClock()
    printer = JobEventPublisher(
        store, clock=clock, ids=Ids(clock.now_ms, Random(1).getrandbits), wakeups=Wakeups()
    )
    await printer.publish(big, EventType.JOB_STARTED)
    store.limit_size(100_000)
    assert [one.event for one in await waiting(store, job)] == ["job.started"]


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (JobResult(urls=("http://x/a.png",)), {"urls": ["http://x/a.png"]}),
        (JobResult(), {"urls": []}),
        (JobResult(urls=(), style_id="s1"), {"style_id": "s1"}),
        (
            JobResult(urls=("http://x/a.png",), outputs={"hero": "http://x/a.png"}),
            {"outputs": {"hero": "http://x/a.png"}, "urls": ["http://x/a.png"]},
        ),
        (JobResult(error="It broke."), {"error": "It broke."}),
    ],
)
def test_a_webhook_has_a_result_in_the_form_of_the_contract(
    result: JobResult, shown: dict[str, Any]
) -> None:
    assert json.loads(webhook_body(a_job(result=result)))["result"] == shown
