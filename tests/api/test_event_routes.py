"""The feed through the API: pages, long polls and streams."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from ringback.http.event_streams import HEARTBEAT_S, STREAM_S_MAX, STREAMS_MAX
from ringback.testing import settle
from tests.api.streaming import streaming
from tests.api.test_krea_compat import Description, Descriptions
from tests.world import WEBHOOK_URL, World


async def complete_a_job(world: World, *, token: str = "studio") -> str:
    """Let a job end, and return its id."""
    await world.submit(token=token, headers={"x-webhook-url": WEBHOOK_URL})
    return (await world.complete()).job_id


async def test_the_feed_is_read_page_by_page_with_the_webhooks_bytes(
    world: World, client: httpx2.AsyncClient
) -> None:
    descriptions = Descriptions(Description((await client.get("/openapi.json")).json()), None)
    job_ids = [await complete_a_job(world) for _ in range(3)]
    await complete_a_job(world, token="rival")
    first = await client.get("/events?limit=2")
    rest = await client.get("/events", params={"after": first.json()["next_cursor"]})
    none = await client.get("/events", params={"after": rest.json()["next_cursor"]})
    latest = await client.get("/events?after=latest")
    for answer in (first, rest, none, latest):
        descriptions.check(answer)
    items = first.json()["items"] + rest.json()["items"]
    assert [item["job_id"] for item in items] == job_ids
    assert [item["type"] for item in items] == ["job.completed"] * 3
    (delivery,) = await world.store.deliveries_of(job_ids[0])
    assert items[0]["webhook_ids"] == [delivery.delivery_id]
    assert items[0]["body"].encode() == delivery.body
    assert none.json() == latest.json() == {"items": [], "next_cursor": items[-1]["cursor"]}


@pytest.mark.parametrize("query", ["after=AAAA", "after=%C3%A9", "limit=x", "wait=-1", "wait=x"])
async def test_a_wrong_parameter_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/events?{query}")
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == f"query:{query.split('=')[0]}"


async def test_a_long_poll_is_answered_by_the_next_event(
    world: World, client: httpx2.AsyncClient
) -> None:
    polling = asyncio.ensure_future(client.get("/events?wait=30"))
    await settle()
    assert not polling.done()
    job_id = await complete_a_job(world)
    (item,) = (await polling).json()["items"]
    assert item["job_id"] == job_id


async def test_a_long_poll_ends_when_the_server_goes_down(
    world: World, client: httpx2.AsyncClient
) -> None:
    polling = asyncio.ensure_future(client.get("/events?wait=30"))
    await settle()
    world.service.drain()
    answer = await polling
    assert answer.json()["items"] == []
    after = await client.get("/events", params={"after": answer.json()["next_cursor"]})
    assert after.status_code == 200


async def test_a_stream_brings_events_as_they_come_and_is_resumed(world: World) -> None:
    first_id = await complete_a_job(world)
    async with streaming(world) as (stream, _):
        await stream.until(first_id)
        second_id = await complete_a_job(world)
        await stream.until(second_id)
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["x-content-type-options"] == "nosniff"
        assert stream.text.startswith("retry: 1000\n\n")
        assert stream.text.count("event: job.completed\n") == 2
        first, second = stream.events
        assert f"id: {first['cursor']}\n" in stream.text
        assert [first["job_id"], second["job_id"]] == [first_id, second_id]
    third_id = await complete_a_job(world)
    # The header of a browser that comes back is newer than the URL it began with.
    async with streaming(world, last_event_id=first["cursor"], query="after=latest") as (again, _):
        await again.until(third_id)
        assert [event["job_id"] for event in again.events] == [second_id, third_id]


async def test_a_quiet_stream_has_heartbeats_and_ends_in_time(world: World) -> None:
    async with streaming(world) as (stream, task):
        await stream.until("retry")
        world.clock.advance(HEARTBEAT_S)
        await stream.until(": still here\n\n")
        world.clock.advance(STREAM_S_MAX)
        await task
        assert stream.has_ended


async def test_a_stream_ends_when_the_server_goes_down(world: World) -> None:
    async with streaming(world) as (stream, task):
        await stream.until("retry")
        world.service.drain()
        await task
        assert stream.has_ended


async def test_a_workspace_has_so_many_streams_and_no_more(world: World) -> None:
    opened = [streaming(world) for _ in range(STREAMS_MAX)]
    for one in opened:
        stream, _ = await one.__aenter__()
        await stream.until("retry")
    async with streaming(world) as (refused, _):
        await refused.until("too_many_streams")
        assert refused.status == 429
        assert refused.headers["retry-after"] == "10"
    async with streaming(world, authorization="Bearer rival") as (other, _):
        await other.until("retry")
    for one in opened:
        await one.__aexit__(None, None, None)
    async with streaming(world) as (again, _):
        await again.until("retry")


async def test_the_head_of_a_stream_is_all_of_it(world: World) -> None:
    async with streaming(world, method="HEAD") as (stream, task):
        await task
        assert (stream.status, stream.text, stream.has_ended) == (200, "", True)


async def test_a_stream_without_a_token_is_refused(world: World) -> None:
    async with streaming(world, authorization="Basic x") as (stream, task):
        await task
        assert stream.status == 401
