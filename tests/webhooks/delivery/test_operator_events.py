"""The operator's events: signed with a secret of its own, and hidden from workspaces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import standardwebhooks

from ringback.ids import new_secret
from ringback.service.endpoints import EndpointChanges
from ringback.testing import FakeReceiver, Script
from ringback.webhooks.events import OPERATOR
from tests.raw import raw
from tests.webhooks.delivery.world import World, a_world

DAY_S = 24 * 3600


@asynccontextmanager
async def overseen(
    tmp_path: Path, *, then: Script = 200
) -> AsyncIterator[tuple[World, FakeReceiver]]:
    """A world and the receiver of its operator."""
    async with (
        FakeReceiver(then=then) as operator,
        a_world(
            tmp_path, operator_webhook_url=operator.url, operator_webhook_secret=new_secret()
        ) as world,
    ):
        yield world, operator


def received(operator: FakeReceiver) -> list[dict[str, Any]]:
    """Return the operator's webhooks, each once."""
    by_id = {request.header("webhook-id"): request for request in operator.requests}
    return [json.loads(request.body) for request in by_id.values()]


def types(operator: FakeReceiver) -> list[str]:
    return [one["type"] for one in received(operator)]


async def test_a_delivery_that_was_given_up_is_told_signed_with_the_operators_secret(
    tmp_path: Path,
) -> None:
    async with overseen(tmp_path) as (world, operator):
        receiver = await world.receiver(then=503)
        endpoint, secret = await world.endpoint(receiver.url, schedule_s=(0.0,))
        job = await world.finish(None)
        await world.dispatch()
        (request,) = operator.requests
        body, headers = request.body.decode(), dict(request.headers)
        standardwebhooks.Webhook(world.operator_secret).verify(body, headers)
        for other in (secret, world.secret):
            try:
                standardwebhooks.Webhook(other).verify(body, headers)
            except standardwebhooks.WebhookVerificationError:
                continue
            raise AssertionError("a tenant's secret must not sign for the operator")
        document = json.loads(body)
        delivery = await world.delivery_of(job)
        assert headers["ringback-event"] == document["type"] == "delivery.exhausted"
        assert document["data"] == {
            "delivery_id": delivery.delivery_id,
            "workspace_id": "studio",
            "job_id": job.job_id,
            "event": "job.completed",
            "destination": delivery.destination,
            "endpoint_id": endpoint.endpoint_id,
            "attempts": 1,
            "reason": "status",
        }


async def test_a_failing_endpoint_is_told_of_on_its_way_and_at_its_end(tmp_path: Path) -> None:
    async with overseen(tmp_path) as (world, operator):
        receiver = await world.receiver(then=500)
        endpoint, _ = await world.endpoint(receiver.url, schedule_s=(0.0, 0.0))
        passed = 0.0
        for percent in (0, 49, 51, 52, 71, 91, 101):
            world.clock.advance((percent / 100 - passed) * 5 * DAY_S)
            passed = percent / 100
            await world.finish(None)
            await world.dispatch()
        news = [one for one in received(operator) if one["type"].startswith("endpoint.")]
        assert [(one["type"], one["data"]["percent"]) for one in news] == [
            ("endpoint.failing", 50),
            ("endpoint.failing", 70),
            ("endpoint.failing", 90),
            ("endpoint.disabled", 100),
        ]
        assert news[-1]["data"]["reason"] == "failing"
        assert {one["data"]["endpoint_id"] for one in news} == {endpoint.endpoint_id}
        now = await world.endpoints.get(endpoint.endpoint_id, workspace_id="studio")
        assert now.disabled_reason == "failing"
        assert await world.store.deliveries_of((await world.finish(None)).job_id) == []


async def test_one_success_on_the_way_begins_the_way_anew(tmp_path: Path) -> None:
    async with overseen(tmp_path) as (world, operator):
        receiver = await world.receiver(500, 200, 500, then=500)
        endpoint, _ = await world.endpoint(receiver.url, schedule_s=(0.0,))
        for _ in range(3):
            await world.finish(None)
            await world.dispatch()
            world.clock.advance(2.4 * DAY_S)
        assert not [one for one in types(operator) if one.startswith("endpoint.")]
        now = await world.endpoints.get(endpoint.endpoint_id, workspace_id="studio")
        assert now.disabled_at_ms is None


async def test_an_endpoint_that_is_gone_is_told_of(tmp_path: Path) -> None:
    async with overseen(tmp_path) as (world, operator):
        receiver = await world.receiver(410)
        await world.endpoint(receiver.url)
        await world.finish(None)
        await world.dispatch()
        (gone,) = received(operator)
        assert (gone["type"], gone["data"]["reason"]) == ("endpoint.disabled", "gone")


async def test_a_destination_is_told_of_when_it_is_paused_and_when_it_has_recovered(
    tmp_path: Path,
) -> None:
    async with overseen(tmp_path) as (world, operator):
        receiver = await world.receiver(*[500] * 11)
        for _ in range(20):
            await world.finish(receiver.url)
        await world.dispatch()
        (paused,) = received(operator)
        assert paused["type"] == "destination.paused"
        assert paused["data"]["destination"] == f"http://127.0.0.1:{receiver.port}"
        assert paused["data"]["workspace_id"] == "studio"
        assert paused["data"]["failures"] >= 10
        assert paused["data"]["paused_until"] is not None
        for _ in range(10):
            world.clock.advance(400)
            await world.dispatch()
        assert types(operator)[-1] == "destination.recovered"
        assert types(operator).count("destination.recovered") == 1


async def test_nothing_is_ever_told_about_the_operators_own_webhooks(tmp_path: Path) -> None:
    async with overseen(tmp_path, then=500) as (world, operator):
        receiver = await world.receiver(then=500)
        await world.endpoint(receiver.url, schedule_s=(0.0,))
        for _ in range(12):
            await world.finish(None)
            await world.dispatch()
            world.clock.advance(60)
        owed = await notices(world)
        assert owed
        for _ in range(40):  # until the operator's own are exhausted, its destination paused
            world.clock.advance(0.3 * DAY_S)
            await world.dispatch()
        rows = await notices(world)
        assert {status for _, status in rows} == {"exhausted"}
        assert len(rows) == len(owed)
        own = f"http://127.0.0.1:{operator.port}"
        assert all(one["data"].get("destination") != own for one in received(operator))


async def test_no_list_of_a_tenant_has_anything_of_the_operators(tmp_path: Path) -> None:
    async with overseen(tmp_path) as (world, operator):
        receiver = await world.receiver(then=500)
        await world.endpoint(receiver.url, schedule_s=(0.0,))
        job = await world.finish(None)
        await world.dispatch()
        assert types(operator) == ["delivery.exhausted"]
        assert {one.workspace_id for one in await world.store.deliveries_of(job.job_id)} == {
            "studio"
        }
        for values in (
            "select distinct type from events where workspace_id = 'studio'",
            "select distinct event from deliveries where workspace_id = 'studio'",
        ):
            rows = await raw(world.store, values)
            assert rows == [("job.completed",)]
        origins = "select origin from destinations where workspace_id = 'studio'"
        rows = await raw(world.store, origins)
        assert rows == [(f"http://127.0.0.1:{receiver.port}",)]
        assert await world.store.list_endpoints(OPERATOR) == []


async def test_without_an_operators_url_nothing_is_owed_to_anybody(world: World) -> None:
    receiver = await world.receiver(410)
    endpoint, _ = await world.endpoint(receiver.url)
    await world.finish(None)
    await world.dispatch()
    await world.endpoints.change(
        endpoint.endpoint_id, EndpointChanges(disabled=False), workspace_id="studio"
    )
    assert await notices(world) == []


async def notices(world: World) -> list[tuple[str, str]]:
    """Return the operator's deliveries and their statuses."""
    rows = await raw(
        world.store,
        f"select delivery_id, status from deliveries where workspace_id = '{OPERATOR}'",  # noqa: S608
    )
    return [(row[0], row[1]) for row in rows]
