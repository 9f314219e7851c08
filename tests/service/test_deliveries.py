"""The operations on deliveries, on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from ringback.errors import DeliveryConflict, DeliveryNotFound, DestinationNotFound
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.service import JobService
from ringback.service.deliveries import DeliveryService
from ringback.service.feed import EventFeed
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, settle
from ringback.wakeups import Wakeups
from ringback.webhooks.explanation import Caps
from ringback.webhooks.model import Delivery, DeliveryStatus
from tests.builders import a_job, a_key, an_endpoint, an_event, open_workspaces
from tests.storage.contract.test_delivery_log import exhausted, owed
from tests.storage.contract.test_store import NOW, claim_due


class World:
    """A store, the delivery service and the feed."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = FakeClock()
        self.wakeups = Wakeups()
        self.deliveries = DeliveryService(
            store,
            clock=self.clock,
            wakeups=self.wakeups,
            caps=Caps(concurrency=256, concurrency_per_destination=8),
        )
        self.service = JobService(
            store,
            clock=self.clock,
            ids=Ids(self.clock.now_ms, Random(5).getrandbits),
            limits=Limits(active_max=1000),
            wakeups=self.wakeups,
        )
        self.feed = EventFeed(store, self.service, clock=self.clock, wakeups=self.wakeups)

    async def codes(self, delivery: Delivery) -> list[str]:
        """Return the codes of a delivery's explanation."""
        explanation = await self.deliveries.explain(delivery.delivery_id, workspace_id="studio")
        return [reason.code for reason in explanation.reasons]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await SqliteStore.open(tmp_path / "data")
    await open_workspaces(store, "studio", "rival")
    yield World(store)
    await store.close()


async def test_another_workspaces_delivery_is_found_by_no_operation(world: World) -> None:
    delivery = await owed(world.store)
    for operation in (
        world.deliveries.get,
        world.deliveries.redeliver,
        world.deliveries.cancel,
        world.deliveries.explain,
    ):
        with pytest.raises(DeliveryNotFound):
            await operation(delivery.delivery_id, workspace_id="rival")
    with pytest.raises(DestinationNotFound):
        await world.deliveries.pause(delivery.destination, workspace_id="rival", paused=True)
    assert await world.deliveries.get(delivery.delivery_id, workspace_id=None) == delivery


async def test_a_redelivery_wakes_the_dispatcher(world: World) -> None:
    delivery = await exhausted(world.store, await owed(world.store))
    woken = asyncio.create_task(world.wakeups.deliveries.wait(60))
    again = await world.deliveries.redeliver(delivery.delivery_id, workspace_id="studio")
    await woken
    assert again.status is DeliveryStatus.WAITING
    assert again.next_attempt_at_ms == world.clock.now_ms()


async def test_a_delivery_in_flight_is_not_redelivered(world: World) -> None:
    delivery = await owed(world.store)
    await claim_due(world.store)
    with pytest.raises(DeliveryConflict) as caught:
        await world.deliveries.redeliver(delivery.delivery_id, workspace_id="studio")
    assert caught.value.code == "delivery_in_flight"
    assert await world.codes(delivery) == ["in_flight"]


async def test_a_delivery_whose_endpoint_is_gone_is_not_redelivered(world: World) -> None:
    endpoint = an_endpoint(disabled_at_ms=NOW)
    event = an_event(a_job())
    await world.store.add_endpoint_event(endpoint, event, delivery_id="d1")
    with pytest.raises(DeliveryConflict, match="was deleted"):
        await world.deliveries.redeliver("d1", workspace_id="studio")
    await world.store.add_endpoint(endpoint, a_key(), limit=9)
    with pytest.raises(DeliveryConflict, match="enable it"):
        await world.deliveries.redeliver("d1", workspace_id="studio")
    await world.store.change_endpoint(
        replace(endpoint, disabled_at_ms=None), before=endpoint, now_ms=NOW
    )
    await world.deliveries.redeliver("d1", workspace_id="studio")


async def test_a_cancelled_delivery_is_never_sent_and_may_be_cancelled_again(world: World) -> None:
    delivery = await owed(world.store)
    for _ in range(2):
        ended = await world.deliveries.cancel(delivery.delivery_id, workspace_id="studio")
        assert (ended.status, ended.ended_at_ms) == ("cancelled", world.clock.now_ms())
    assert await claim_due(world.store, at=NOW * 2) == []
    assert await world.codes(delivery) == ["cancelled"]


async def test_a_delivery_that_has_ended_in_another_way_cannot_be_cancelled(world: World) -> None:
    delivery = await exhausted(world.store, await owed(world.store))
    with pytest.raises(DeliveryConflict, match="ended as exhausted"):
        await world.deliveries.cancel(delivery.delivery_id, workspace_id="studio")
    assert await world.codes(delivery) == ["exhausted", "advice"]


async def test_a_cancelled_delivery_can_be_redelivered(world: World) -> None:
    delivery = await owed(world.store)
    await world.deliveries.cancel(delivery.delivery_id, workspace_id="studio")
    await world.deliveries.redeliver(delivery.delivery_id, workspace_id="studio")
    assert [one.delivery_id for one in await claim_due(world.store)] == [delivery.delivery_id]


async def test_an_explanation_counts_the_deliveries_before_and_sees_the_pause(world: World) -> None:
    first, second = await owed(world.store), await owed(world.store)
    assert await world.codes(first) == ["no_room"]
    assert await world.codes(second) == ["in_line"]
    paused, waiting_count = await world.deliveries.pause(
        second.destination, workspace_id="studio", paused=True
    )
    assert (paused.paused_at_ms, waiting_count) == (world.clock.now_ms(), 2)
    assert await world.codes(second) == ["destination_paused", "in_line"]
    resumed, _ = await world.deliveries.pause(
        second.destination, workspace_id="studio", paused=False
    )
    assert resumed.paused_at_ms is None


# the feed


async def test_a_wait_for_events_ends_when_a_job_ends(world: World) -> None:
    waiting = asyncio.create_task(world.feed.after("studio", seq=0, limit=9, wait_s=60))
    await settle()
    assert not waiting.done()
    delivery = await owed(world.store)
    world.wakeups.events.notify("studio")
    (item,) = await waiting
    assert item.webhook_ids == (delivery.delivery_id,)


async def test_events_of_another_process_are_seen_without_a_wakeup(world: World) -> None:
    waiting = asyncio.create_task(world.feed.after("studio", seq=0, limit=9, wait_s=60))
    await settle()
    await owed(world.store)
    assert len(await waiting) == 1  # the look-again comes within a second of real time


async def test_a_wait_for_events_ends_when_the_server_shuts_down(world: World) -> None:
    waiting = asyncio.create_task(world.feed.after("studio", seq=0, limit=9, wait_s=60))
    await settle()
    world.service.drain()
    assert await waiting == []


async def test_the_latest_sequence_number_is_behind_every_event(world: World) -> None:
    await owed(world.store)
    latest = await world.feed.latest("studio")
    assert await world.feed.after("studio", seq=latest, limit=9) == []
