"""Passing events: told to those who ask, not too often, and never after the end."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest
from builders import a_job, a_key, a_request, an_endpoint
from msgspec.structs import replace

from ringback.doorbell import Bells
from ringback.errors import LeaseLost, StorageFull
from ringback.ids import Ids
from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent
from ringback.service import GenerationRequest, Service, webhook_body
from ringback.service.telling import Teller, event_of
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from ringback.webhooks.events import EventType
from ringback.webhooks.model import Delivery

HOOK = "https://shop.example/webhook"
ALL = ("job.completed", "job.backlogged", "job.started", "job.progress")


def asking(**changes: Any) -> GenerationRequest:
    return a_request(webhook_url=HOOK, webhook_events=ALL, **changes)


async def started(service: Service, request: GenerationRequest) -> Job:
    await service.submit(request)
    (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=60)
    return await service.report(job, JobEvent.START, lease_s=60)


async def progress(service: Service, job: Job, fraction: float) -> Job:
    return await service.report(job, JobEvent.SAMPLE, lease_s=60, progress=fraction)


async def waiting(store: SqliteStore, job: Job) -> list[Delivery]:
    return [one for one in await store.deliveries_of(job.job_id) if one.status.value == "waiting"]


async def claim(store: SqliteStore, clock: FakeClock) -> list[Delivery]:
    now_ms = clock.now_ms()
    return await store.claim_due(
        now_ms=now_ms, limit=10, limit_each=10, lease_until_ms=now_ms + 60_000
    )


async def test_nobody_is_told_who_did_not_ask(service: Service, store: SqliteStore) -> None:
    await store.add_endpoint(an_endpoint(), a_key(), limit=9)
    job = await started(service, a_request(webhook_url=HOOK))
    await progress(service, job, 0.5)
    assert await store.deliveries_of(job.job_id) == []


async def test_a_jobs_own_url_and_an_endpoint_are_told_each_what_it_asks_for(
    service: Service, store: SqliteStore
) -> None:
    await store.add_endpoint(an_endpoint(events=("job.started",)), a_key(), limit=9)
    await store.add_endpoint(
        an_endpoint(events=("job.started",), models=("x/y",)), a_key(), limit=9
    )
    job = await started(service, asking())
    await progress(service, job, 0.5)
    told = [(one.event, one.url) for one in await waiting(store, job)]
    assert told == [
        ("job.started", HOOK),
        ("job.started", "https://shop.example/all"),
        ("job.progress", HOOK),
    ]


async def test_a_job_beyond_the_limit_is_told_to_be_backlogged_once(
    service: Service, store: SqliteStore
) -> None:
    for _ in range(4):
        await service.submit(a_request())
    request = asking(idempotency_key="k")
    job = (await service.submit(request)).job
    assert (await service.submit(request)).replayed
    (delivery,) = await store.deliveries_of(job.job_id)
    assert delivery.event == "job.backlogged"
    assert json.loads(delivery.body)["status"] == "backlogged"


async def test_a_new_listener_is_heard_of_within_a_second(
    service: Service, store: SqliteStore, clock: FakeClock
) -> None:
    await started(service, a_request())  # nobody listens, which is remembered
    await store.add_endpoint(an_endpoint(events=("job.started",)), a_key(), limit=9)
    clock.advance(1)
    job = await started(service, a_request())
    assert [one.event for one in await waiting(store, job)] == ["job.started"]


async def test_progress_is_told_once_a_second_and_replaces_what_still_waits(
    service: Service, store: SqliteStore, clock: FakeClock
) -> None:
    job = await started(service, asking())
    for step in range(12):
        job = await progress(service, job, step / 20)
        clock.advance(0.25)
        assert len([d for d in await waiting(store, job) if d.event == "job.progress"]) == 1
    told = [one for one in await store.deliveries_of(job.job_id) if one.event == "job.progress"]
    assert [json.loads(one.body)["progress"] for one in told] == [0.0, 0.2, 0.4]
    assert [one.status.value for one in told] == ["cancelled", "cancelled", "waiting"]


async def test_no_progress_is_owed_to_whom_the_last_is_still_on_its_way(
    service: Service, store: SqliteStore, clock: FakeClock
) -> None:
    await store.add_endpoint(an_endpoint(events=("job.progress",)), a_key(), limit=9)
    job = await progress(service, await started(service, asking()), 0.1)
    clock.advance(1)
    under_way = [one for one in await claim(store, clock) if one.url == HOOK]
    others = [one for one in await waiting(store, job) if one.url != HOOK]
    await store.release_deliveries(others, now_ms=clock.now_ms())
    assert {one.event for one in under_way} == {"job.started", "job.progress"}
    job = await progress(service, job, 0.2)
    news = [one for one in await waiting(store, job) if one.event == "job.progress"]
    assert sorted((one.url, json.loads(one.body)["progress"]) for one in news) == [
        ("https://shop.example/all", 0.2),
        (HOOK, 0.1),
    ]


async def test_the_end_cancels_what_still_waits_and_nothing_is_told_after_it(
    service: Service, store: SqliteStore, clock: FakeClock
) -> None:
    job = await progress(service, await started(service, asking()), 0.1)
    clock.advance(1)
    await service.finish(job, result=JobResult(urls=("http://x/a.png",)))
    with pytest.raises(LeaseLost):
        await progress(service, job, 0.2)
    assert [one.event for one in await waiting(store, job)] == ["job.completed"]


async def test_a_worker_that_has_lost_its_job_tells_nothing(
    service: Service, store: SqliteStore
) -> None:
    lost = await started(service, asking())
    await service.release(lost)
    event = event_of(lost, EventType.JOB_PROGRESS, event_id="e", now_ms=1)
    assert not await store.tell(lost, event)
    assert [one.event for one in await store.deliveries_of(lost.job_id)] == ["job.started"]


async def test_progress_of_one_job_told_twice_in_one_commit_is_owed_once(
    service: Service, store: SqliteStore
) -> None:
    job = await started(service, a_request(webhook_url=HOOK, webhook_events=("job.progress",)))
    events = [event_of(job, EventType.JOB_PROGRESS, event_id=f"e{n}", now_ms=n) for n in range(5)]
    assert all(await asyncio.gather(*(store.tell(job, event) for event in events)))
    (delivery,) = await waiting(store, job)
    assert delivery.created_at_ms == 4


async def test_a_full_disk_keeps_news_untold_and_the_job_accepted(
    service: Service, store: SqliteStore
) -> None:
    job = await started(service, asking())
    store.limit_size(1)
    big = replace(job, result=JobResult(urls=("u" * 900_000,)))
    with pytest.raises(StorageFull):
        await store.tell(job, event_of(big, EventType.JOB_STARTED, event_id="e", now_ms=1))
    clock = FakeClock()
    teller = Teller(store, clock=clock, ids=Ids(clock.now_ms, Random(1).getrandbits), bells=Bells())
    await teller.tell(big, EventType.JOB_STARTED)
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
def test_a_webhook_shows_a_result_as_the_contract_does(
    result: JobResult, shown: dict[str, Any]
) -> None:
    assert json.loads(webhook_body(a_job(result=result)))["result"] == shown
