"""The verbs on deliveries, on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from builders import a_job, a_key, an_endpoint, an_event, open_workspaces
from contract.test_delivery_log import exhausted, owed
from contract.test_store import NOW, claim_due
from msgspec.structs import replace

from ringback.doorbell import Bells
from ringback.errors import DeliveryConflict, DeliveryNotFound, DestinationNotFound
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.service import Service
from ringback.service.deliveries import DeliveryDesk
from ringback.service.feed import EventFeed
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, settle
from ringback.webhooks.explanation import Caps
from ringback.webhooks.model import Delivery, DeliveryStatus


class World:
    """A store, its desk and its feed."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = FakeClock()
        self.bells = Bells()
        self.desk = DeliveryDesk(
            store,
            clock=self.clock,
            bells=self.bells,
            caps=Caps(concurrency=256, concurrency_per_destination=8),
        )
        self.service = Service(
            store,
            clock=self.clock,
            ids=Ids(self.clock.now_ms, Random(5).getrandbits),
            limits=Limits(active_max=1000),
            bells=self.bells,
        )
        self.feed = EventFeed(store, self.service, clock=self.clock, bells=self.bells)

    async def codes(self, delivery: Delivery) -> list[str]:
        """Return the codes of a delivery's explanation."""
        explanation = await self.desk.explain(delivery.delivery_id, workspace_id="studio")
        return [ground.code for ground in explanation.grounds]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await SqliteStore.open(tmp_path / "data")
    await open_workspaces(store, "studio", "rival")
    yield World(store)
    await store.close()


async def test_another_workspaces_delivery_is_not_there_for_any_verb(world: World) -> None:
    delivery = await owed(world.store)
    for verb in (world.desk.get, world.desk.redeliver, world.desk.cancel, world.desk.explain):
        with pytest.raises(DeliveryNotFound):
            await verb(delivery.delivery_id, workspace_id="rival")
    with pytest.raises(DestinationNotFound):
        await world.desk.pause(delivery.destination, workspace_id="rival", paused=True)
    assert await world.desk.get(delivery.delivery_id, workspace_id=None) == delivery


async def test_a_redelivery_wakes_the_dispatcher(world: World) -> None:
    delivery = await exhausted(world.store, await owed(world.store))
    woken = asyncio.create_task(world.bells.owed.wait(60))
    again = await world.desk.redeliver(delivery.delivery_id, workspace_id="studio")
    await woken
    assert again.status is DeliveryStatus.WAITING
    assert again.next_attempt_at_ms == world.clock.now_ms()


async def test_a_delivery_in_flight_is_not_redelivered(world: World) -> None:
    delivery = await owed(world.store)
    await claim_due(world.store)
    with pytest.raises(DeliveryConflict) as caught:
        await world.desk.redeliver(delivery.delivery_id, workspace_id="studio")
    assert caught.value.code == "delivery_in_flight"
    assert await world.codes(delivery) == ["in_flight"]


async def test_a_delivery_without_an_endpoint_to_go_to_is_not_redelivered(world: World) -> None:
    endpoint = an_endpoint(disabled_at_ms=NOW)
    event = an_event(a_job())
    await world.store.owe(endpoint, event, delivery_id="d1")
    with pytest.raises(DeliveryConflict, match="was deleted"):
        await world.desk.redeliver("d1", workspace_id="studio")
    await world.store.add_endpoint(endpoint, a_key(), limit=9)
    with pytest.raises(DeliveryConflict, match="enable it"):
        await world.desk.redeliver("d1", workspace_id="studio")
    await world.store.change_endpoint(
        replace(endpoint, disabled_at_ms=None), before=endpoint, now_ms=NOW
    )
    await world.desk.redeliver("d1", workspace_id="studio")


async def test_a_cancelled_delivery_is_never_sent_and_may_be_cancelled_again(world: World) -> None:
    delivery = await owed(world.store)
    for _ in range(2):
        ended = await world.desk.cancel(delivery.delivery_id, workspace_id="studio")
        assert (ended.status, ended.ended_at_ms) == ("cancelled", world.clock.now_ms())
    assert await claim_due(world.store, at=NOW * 2) == []
    assert await world.codes(delivery) == ["cancelled"]


async def test_a_delivery_that_has_ended_otherwise_cannot_be_cancelled(world: World) -> None:
    delivery = await exhausted(world.store, await owed(world.store))
    with pytest.raises(DeliveryConflict, match="ended as exhausted"):
        await world.desk.cancel(delivery.delivery_id, workspace_id="studio")
    assert await world.codes(delivery) == ["exhausted"]


async def test_a_cancelled_delivery_can_be_redelivered(world: World) -> None:
    delivery = await owed(world.store)
    await world.desk.cancel(delivery.delivery_id, workspace_id="studio")
    await world.desk.redeliver(delivery.delivery_id, workspace_id="studio")
    assert [one.delivery_id for one in await claim_due(world.store)] == [delivery.delivery_id]


async def test_an_explanation_counts_those_before_and_sees_the_pause(world: World) -> None:
    first, second = await owed(world.store), await owed(world.store)
    assert await world.codes(first) == ["no_room"]
    assert await world.codes(second) == ["in_line"]
    paused, waiting_count = await world.desk.pause(
        second.destination, workspace_id="studio", paused=True
    )
    assert (paused.paused_at_ms, waiting_count) == (world.clock.now_ms(), 2)
    assert await world.codes(second) == ["destination_paused", "in_line"]
    resumed, _ = await world.desk.pause(second.destination, workspace_id="studio", paused=False)
    assert resumed.paused_at_ms is None


# the feed


async def test_whoever_waits_for_events_is_told_when_a_job_ends(world: World) -> None:
    waiting = asyncio.create_task(world.feed.after("studio", seq=0, limit=9, wait_s=60))
    await settle()
    assert not waiting.done()
    delivery = await owed(world.store)
    world.bells.told.tell("studio")
    (item,) = await waiting
    assert item.webhook_ids == (delivery.delivery_id,)


async def test_events_of_another_process_are_seen_without_a_bell(world: World) -> None:
    waiting = asyncio.create_task(world.feed.after("studio", seq=0, limit=9, wait_s=60))
    await settle()
    await owed(world.store)
    assert len(await waiting) == 1  # the look-again comes within a second of real time


async def test_nobody_waits_for_events_of_a_server_that_goes_down(world: World) -> None:
    waiting = asyncio.create_task(world.feed.after("studio", seq=0, limit=9, wait_s=60))
    await settle()
    world.service.drain()
    assert await waiting == []


async def test_the_latest_place_is_behind_every_event(world: World) -> None:
    await owed(world.store)
    latest = await world.feed.latest("studio")
    assert await world.feed.after("studio", seq=latest, limit=9) == []
