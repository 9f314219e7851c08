"""Receivers of one workspace that hang delay no webhook of another; time stands still meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ringback.jobs.model import JobResult
from ringback.testing import FakeReceiver, hang
from ringback.webhooks.delivery.dispatcher import Dispatcher, DispatchSettings
from tests.builders import a_request, open_workspaces
from tests.webhooks.delivery.world import World

BURST = 2_000
_AT_ONCE = 500


@pytest.fixture
async def dispatcher(world: World) -> Dispatcher:
    """A dispatcher with the default settings, whose attempts outlast the test."""
    names = ("mallory", "mona", "alice", "bob")
    seals = world.server.resources.sealer
    await open_workspaces(world.store, *names, secret=world.secret, seals=seals)
    return world.dispatch_with(webhook_timeout_s=60)


async def finish(world: World, workspace_id: str, urls: Sequence[str]) -> None:
    """Submit a job for each URL and end it, so that its webhook is due."""
    for start in range(0, len(urls), _AT_ONCE):
        some = urls[start : start + _AT_ONCE]
        requests = [a_request(workspace_id=workspace_id, webhook_url=url) for url in some]
        await asyncio.gather(*map(world.service.submit, requests))
        while jobs := await world.service.claim(
            engine="null", limit=_AT_ONCE, worker_id="w", lease_s=60
        ):
            result = JobResult(urls=("http://x/a.png",))
            await asyncio.gather(*(world.service.finish(job, result=result) for job in jobs))


def hosts_of(receiver: FakeReceiver, count: int, *, net: int) -> list[str]:
    """Return the receiver's URL on so many addresses, each a destination of its own."""
    numbers = range(count)
    return [
        receiver.url_at("/hook", host=f"127.{net}.{number // 200}.{number % 200 + 1}")
        for number in numbers
    ]


async def burst(world: World, workspace_id: str, receiver: FakeReceiver, *, hosts: int) -> None:
    """Make many webhooks of a workspace due, at so many destinations."""
    urls = hosts_of(receiver, hosts, net=len(workspace_id))
    await finish(world, workspace_id, [urls[number % hosts] for number in range(BURST)])


async def claim_all(dispatcher: Dispatcher) -> None:
    """Claim until there is no room."""
    while await dispatcher.run_once():
        pass


@pytest.mark.parametrize("hosts", [40, 300])
async def test_hanging_destinations_of_one_workspace_delay_no_webhook_of_another(
    world: World, dispatcher: Dispatcher, hosts: int
) -> None:
    hanging = await world.receiver(then=hang(), host="0.0.0.0")
    await burst(world, "mallory", hanging, hosts=hosts)
    await claim_all(dispatcher)
    quick = await world.receiver()
    for number in range(1, 21):
        await finish(world, "alice", [quick.url])
        assert await dispatcher.run_once() == 1
        await quick.wait_for(number)


async def test_hanging_destinations_of_two_workspaces_delay_no_webhook_of_a_third(
    world: World, dispatcher: Dispatcher
) -> None:
    hanging = await world.receiver(then=hang(), host="0.0.0.0")
    for workspace_id in ("mallory", "mona"):
        await burst(world, workspace_id, hanging, hosts=100)
        await claim_all(dispatcher)
    quick = await world.receiver()
    for number in range(1, 21):
        await finish(world, ("alice", "bob")[number % 2], [quick.url])
        assert await dispatcher.run_once() == 1
        await quick.wait_for(number)


async def test_what_waits_for_hanging_destinations_keeps_no_free_place_empty(
    world: World, dispatcher: Dispatcher
) -> None:
    hanging = await world.receiver(then=hang(), host="0.0.0.0")
    await burst(world, "mallory", hanging, hosts=20)
    await claim_all(dispatcher)
    assert dispatcher.in_flight_count == 20 * 8
    quick = await world.receiver()
    await finish(world, "mallory", [quick.url])
    assert await dispatcher.run_once() == 1
    await quick.wait_for(1)


async def test_a_workspace_alone_has_every_place(world: World, dispatcher: Dispatcher) -> None:
    hanging = await world.receiver(then=hang(), host="0.0.0.0")
    await burst(world, "mallory", hanging, hosts=40)
    await claim_all(dispatcher)
    assert dispatcher.in_flight_count == DispatchSettings().concurrency


async def test_what_is_due_and_has_no_room_is_not_what_a_dispatcher_waits_for(
    world: World, dispatcher: Dispatcher
) -> None:
    hanging = await world.receiver(then=hang(), host="0.0.0.0")
    await burst(world, "mallory", hanging, hosts=40)
    await claim_all(dispatcher)
    at_ms = world.clock.now_ms()
    assert await world.store.next_due_ms() == at_ms
    assert await world.store.next_due_ms(after_ms=at_ms) is None
