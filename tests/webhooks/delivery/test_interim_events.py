"""Events of jobs that still run: they hold nothing up, and none comes after the end."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

from ringback.jobs.model import Job, JobResult
from ringback.testing import ReceivedRequest, Script, respond, settle
from ringback.webhooks.model import DeliveryStatus
from tests.webhooks.delivery.world import World

EVENTS = ("job.started", "job.progress", "job.completed")


def is_passing(request: ReceivedRequest) -> bool:
    return request.header("ringback-event") in ("job.started", "job.progress")


def deaf_to_news() -> Script:
    """Never answer an interim event; answer all others at once."""

    def act(request: ReceivedRequest, transport: asyncio.Transport) -> None:
        if not is_passing(request):
            transport.write(respond(200))

    return act


def slow(answer_after_s: float) -> Script:
    """Answer everything, each after a while."""

    def act(_request: ReceivedRequest, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(answer_after_s, _answer, transport)

    return act


def _answer(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.write(respond(200))


async def live(world: World, url: str, *, steps: int) -> Job:
    """A job's whole life; between its steps the dispatcher has its turn."""
    job = await world.start(url, *EVENTS)
    for step in range(steps):
        world.clock.advance(1.0)
        job = await world.progress(job, (step + 1) / (steps + 1))
        await settle(3)
    return await world.service.finish(job, result=JobResult(urls=("http://x/a.png",)))


async def test_under_load_at_a_slow_receiver_nothing_comes_after_a_jobs_end(
    world: World,
) -> None:
    receiver = await world.receiver(then=slow(0.03))
    running = asyncio.create_task(world.dispatcher.run())
    jobs = await asyncio.gather(*(live(world, receiver.url, steps=5) for _ in range(60)))
    async with asyncio.timeout(15):
        while len(_ends(receiver.requests)) < len(jobs):
            await receiver.wait_for(receiver.requests_count + 1, timeout_s=10)
    await world.dispatcher.settled()
    await world.dispatcher.drain(5)
    await running
    received: dict[str, list[str]] = defaultdict(list)
    for request in receiver.requests:
        received[json.loads(request.body)["job_id"]].append(str(request.header("ringback-event")))
    assert set(received) == {job.job_id for job in jobs}
    for events in received.values():
        assert events.count("job.completed") == 1
        assert events[-1] == "job.completed"
    assert sum(map(len, received.values())) > len(jobs)  # some news came through, too


def _ends(requests: list[ReceivedRequest]) -> list[ReceivedRequest]:
    return [request for request in requests if not is_passing(request)]


async def test_news_that_hangs_takes_half_of_the_places_and_no_end_waits_for_it(
    world: World,
) -> None:
    receiver = await world.receiver(then=deaf_to_news())
    world.dispatch_with(webhook_concurrency_per_destination=4, webhook_timeout_s=60)
    for _ in range(40):
        await world.start(receiver.url, "job.started")
    assert await world.dispatcher.run_once() == 8  # half of what may be at hand
    await receiver.wait_for(2)
    jobs = [await world.finish(receiver.url) for _ in range(20)]
    while len(_ends(receiver.requests)) < len(jobs):
        await world.dispatcher.run_once()
        await settle()
    assert receiver.requests_count == len(jobs) + 2
    await world.dispatcher.drain(0)


async def test_the_end_breaks_off_news_of_its_job_that_is_under_way(world: World) -> None:
    world.dispatch_with(webhook_timeout_s=60)
    receiver = await world.receiver(then=deaf_to_news())
    job = await world.start(receiver.url, "job.started", "job.completed")
    await world.dispatcher.run_once()
    await receiver.wait_for(1)
    await world.service.finish(job, result=JobResult(urls=("http://x/a.png",)))
    await world.dispatcher.run_once()
    await world.dispatcher.settled()  # for less than the minute that the news might take
    assert [request.header("ringback-event") for request in receiver.requests] == [
        "job.started",
        "job.completed",
    ]
    started, completed = await world.store.deliveries_of(job.job_id)
    assert (started.status, completed.status) == (
        DeliveryStatus.CANCELLED,
        DeliveryStatus.DELIVERED,
    )
    assert await world.store.attempts_of(started.delivery_id) == []


async def test_the_end_of_one_job_leaves_the_news_of_another_its_time(world: World) -> None:
    receiver = await world.receiver(then=deaf_to_news())
    other = await world.start(receiver.url, "job.started")
    await world.dispatcher.run_once()
    await receiver.wait_for(1)
    await world.finish(receiver.url)
    await world.dispatch()
    (attempt,) = await world.attempts_of(other)
    assert attempt.reason == "timeout"


async def test_news_at_hand_whose_job_ends_meanwhile_is_not_sent(world: World) -> None:
    world.dispatch_with(webhook_concurrency_per_destination=2)
    receiver = await world.receiver(then=deaf_to_news())
    await world.start(receiver.url, "job.started")
    job = await world.start(receiver.url, "job.started", "job.completed")
    assert await world.dispatcher.run_once() == 2  # one goes, the other is at hand
    await receiver.wait_for(1)
    await world.service.finish(job, result=JobResult(urls=("http://x/a.png",)))
    await world.dispatch()
    received = [json.loads(request.body) for request in receiver.requests]
    assert [one["status"] for one in received if one["job_id"] == job.job_id] == ["completed"]


async def test_draining_ends_news_that_hangs(world: World) -> None:
    receiver = await world.receiver(then=deaf_to_news())
    job = await world.start(receiver.url, "job.started")
    await world.dispatcher.run_once()
    await receiver.wait_for(1)
    await world.dispatcher.drain(0)
    assert (await world.delivery_of(job)).status is DeliveryStatus.WAITING
