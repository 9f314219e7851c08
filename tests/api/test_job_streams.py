"""A job as a stream of server-sent events: its state, then every change until the end."""

from __future__ import annotations

import httpx2

from ringback.jobs.model import JobResult
from ringback.jobs.transitions import JobEvent
from tests.api.streaming import streaming
from tests.world import World


async def test_a_stream_tells_of_every_change_and_ends_with_the_job(world: World) -> None:

    job_id = (await world.submit())["job_id"]
    async with streaming(world, path=f"/jobs/{job_id}") as (stream, task):
        await stream.until('"queued"')
        job = await world.claim()
        await stream.until('"processing"')
        job = await world.service.report(job, JobEvent.SAMPLE, lease_s=60, progress=0.25)
        await stream.until('"progress":0.25')
        await world.service.finish(job, result=JobResult(urls=()))
        await task
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.has_ended
        statuses = [event["status"] for event in stream.events]
        assert statuses[0] == "queued"
        assert statuses[-1] == "completed"
        assert stream.text.count("event: job\n") == len(stream.events)


async def test_the_stream_of_a_job_that_has_ended_has_one_event(world: World) -> None:
    await world.submit()
    job_id = (await world.complete()).job_id
    async with streaming(world, path=f"/jobs/{job_id}") as (stream, task):
        await task
        assert [event["job_id"] for event in stream.events] == [job_id]


async def test_a_stream_of_anothers_job_is_not_found(
    world: World, rival: httpx2.AsyncClient
) -> None:
    job_id = (await world.submit())["job_id"]
    answer = await rival.get(f"/jobs/{job_id}", headers={"accept": "text/event-stream"})
    assert answer.status_code == 404


async def test_a_stream_ends_when_the_server_goes_down(world: World) -> None:
    job_id = (await world.submit())["job_id"]
    async with streaming(world, path=f"/jobs/{job_id}") as (stream, task):
        await stream.until("queued")
        world.service.drain()
        await task
        assert stream.has_ended
