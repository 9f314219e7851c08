"""Redelivery of many deliveries, by the API and its loop."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from ringback.service.bulk_operations import RUNNING_MAX
from ringback.webhooks.model import DeliveryStatus
from tests.world import NULL, WEBHOOK_URL, World

MANY = "/deliveries/redeliver"


async def exhausted(world: World, client: httpx2.AsyncClient, count: int) -> list[str]:
    """Return so many deliveries that were given up."""
    ids = []
    for _ in range(count):
        await client.post(NULL, json={"prompt": "x"}, headers={"x-webhook-url": WEBHOOK_URL})
        job = await world.complete()
        (delivery,) = await world.store.deliveries_of(job.job_id)
        now_ms = world.clock.now_ms()
        assert await world.store.end_delivery(delivery, DeliveryStatus.EXHAUSTED, now_ms=now_ms)
        ids.append(delivery.delivery_id)
    return ids


async def test_many_are_redelivered_at_their_rate_with_progress(
    world: World, client: httpx2.AsyncClient
) -> None:
    ids = await exhausted(world, client, 5)
    answer = await client.post(MANY, json={"status": "exhausted", "rate": 8})
    assert answer.status_code == 202
    bulk_operation = answer.json()
    assert (bulk_operation["status"], bulk_operation["progress"], bulk_operation["rate"]) == (
        "running",
        0.0,
        8,
    )
    path = f"/webhooks/bulk-operations/{bulk_operation['bulk_operation_id']}"
    assert answer.headers["location"] == path
    assert await world.bulk_operations.run_once() == 2  # a quarter of a second's
    halfway = (await client.get(path)).json()
    assert halfway["done"] == 2
    assert 0 < halfway["progress"] < 1
    while await world.bulk_operations.run_once():
        pass
    done = (await client.get(path)).json()
    assert (done["status"], done["progress"], done["done"]) == ("ended", 1.0, 5)
    for delivery_id in ids:
        shown = (await client.get(f"/deliveries/{delivery_id}")).json()
        assert shown["status"] == "waiting"
    assert (await client.get("/webhooks/bulk-operations")).json() == {"items": [done]}


async def test_a_bulk_operation_is_stopped_and_another_workspaces_is_not_there(
    world: World, client: httpx2.AsyncClient
) -> None:
    await exhausted(world, client, 3)
    bulk_operation = (await client.post(MANY, json={"status": "exhausted", "rate": 1})).json()
    path = f"/webhooks/bulk-operations/{bulk_operation['bulk_operation_id']}"
    async with world.client("rival") as rival:
        assert (await rival.get(path)).status_code == 404
        assert (await rival.delete(path)).json()["code"] == "bulk_operation_not_found"
        assert (await rival.get("/webhooks/bulk-operations")).json() == {"items": []}
    await world.bulk_operations.run_once()
    assert (await client.delete(path)).json()["status"] == "cancelled"
    assert await world.bulk_operations.run_once() == 0
    assert (await client.delete(path)).json()["done"] == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"rate": 5}, ""),
        ({"color": "red"}, "/color"),
        ({"status": 1}, "/status"),
        ({"status": "exhausted", "rate": 0}, "/rate"),
        ({"status": "exhausted", "rate": 1001}, "/rate"),
        ({"status": "exhausted", "rate": True}, "/rate"),
        ({"since": "yesterday"}, "/since"),
    ],
)
async def test_a_wrong_filter_is_refused_and_the_error_names_it(
    client: httpx2.AsyncClient, body: dict[str, object], path: str
) -> None:
    answer = await client.post(MANY, json=body)
    assert answer.status_code == 400
    assert [one["path"] for one in answer.json()["details"]] == [path]


@pytest.mark.parametrize(
    ("path", "example"), [(MANY, '"status": "exhausted"'), ("/destinations/pause", "destination")]
)
async def test_the_error_for_a_missing_body_has_an_example_of_this_route(
    client: httpx2.AsyncClient, path: str, example: str
) -> None:
    answer = await client.post(path, content=b"")
    assert answer.status_code == 400
    assert example in answer.json()["error"]


async def test_so_many_bulk_operations_run_at_once_and_no_more(
    world: World, client: httpx2.AsyncClient
) -> None:
    await exhausted(world, client, 1)
    body = {"status": "exhausted"}
    answers = await asyncio.gather(*(client.post(MANY, json=body) for _ in range(RUNNING_MAX + 3)))
    assert sorted(answer.status_code for answer in answers) == [202] * RUNNING_MAX + [409] * 3
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "too_many_bulk_operations"
    async with world.client("rival") as rival:
        assert (await rival.post(MANY, json=body)).status_code == 202
    await world.bulk_operations.run_once()
    assert (await client.post(MANY, json=body)).status_code == 202
