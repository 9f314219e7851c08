"""The log of deliveries, the feed and destinations, on every store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ringback.jobs.model import Job
from ringback.storage.contract import Store
from ringback.storage.sqlite import SqliteStore
from ringback.webhooks.events import EventType
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.store import DeliveryFilter, FeedItem
from tests.builders import a_job, a_submission, an_endpoint, an_event, open_workspaces
from tests.storage.contract.test_store import (
    ATTEMPT,
    LATER,
    NOW,
    a_waiting_delivery,
    claim_due,
    ending,
    recording,
)

STUDIO = DeliveryFilter(workspace_id="studio")


async def owed(
    store: Store, *, url: str = "https://shop.example/hook", workspace: str = "studio", **event: Any
) -> Delivery:
    """Return the delivery of a job that has ended."""
    job = a_job(workspace_id=workspace, webhook_url=url)
    await store.submit(a_submission(job))
    assert await store.end_job(ending(await get(store, job), **event))
    (delivery,) = await store.deliveries_of(job.job_id)
    return delivery


async def get(store: Store, job: Job) -> Job:
    found = await store.get_job(job.job_id)
    assert found is not None
    return found


async def listed(store: Store, selection: DeliveryFilter, *, limit: int = 100) -> list[str]:
    """Return the ids that a filter finds, over all pages."""
    ids: list[str] = []
    before_seq: int | None = None
    while True:
        page = await store.list_deliveries(selection, limit=limit, before_seq=before_seq)
        assert len(page.items) <= limit
        ids += [delivery.delivery_id for delivery in page.items]
        before_seq = page.next_seq
        if before_seq is None:
            return ids


async def exhausted(store: Store, delivery: Delivery, *, reason: str = "status") -> Delivery:
    """Let a waiting delivery end as given up."""
    (claimed,) = await claim_due(store, at=LATER)
    assert claimed.delivery_id == delivery.delivery_id
    after = replace(
        claimed,
        status=DeliveryStatus.EXHAUSTED,
        reason=reason,
        attempts_count=1,
        next_attempt_at_ms=None,
        ended_at_ms=NOW,
    )
    assert (await store.record_attempt(recording(after))).written
    return after


async def test_a_delivery_reads_as_it_was_written(store: Store) -> None:
    delivery = await a_waiting_delivery(store)
    assert await store.get_delivery(delivery.delivery_id) == delivery
    assert await store.get_delivery("nobody's") is None


async def test_the_log_is_newest_first_and_the_workspaces_own(store: Store) -> None:
    ids = [(await owed(store)).delivery_id for _ in range(5)]
    await owed(store, workspace="rival")
    for limit in (1, 2, 5, 6):
        assert await listed(store, STUDIO, limit=limit) == ids[::-1]
    assert len(await listed(store, DeliveryFilter(), limit=2)) == 6


async def test_a_page_that_is_exactly_full_is_the_last(store: Store) -> None:
    for _ in range(2):
        await owed(store)
    assert (await store.list_deliveries(STUDIO, limit=2)).next_seq is None
    assert (await store.list_deliveries(STUDIO, limit=1)).next_seq is not None


async def test_every_filter_finds_its_own_alone_and_together_with_others(store: Store) -> None:
    endpoint = an_endpoint()
    gone = await exhausted(store, await owed(store, url="https://gone.example/"))
    failed = await exhausted(
        store, await owed(store, url="https://dns.example/", created_at_ms=10), reason="dns"
    )
    test = an_event(a_job(job_id=""), type=EventType.ENDPOINT_TEST, created_at_ms=20)
    await store.add_endpoint_event(endpoint, test, delivery_id="d-endpoint")
    fresh = await owed(store, created_at_ms=30)
    await owed(store, workspace="rival", created_at_ms=10)
    found = {
        "gone": gone.delivery_id,
        "failed": failed.delivery_id,
        "endpoint": "d-endpoint",
        "fresh": fresh.delivery_id,
    }
    names = {id_: name for name, id_ in found.items()}

    async def selection(**filters: Any) -> list[str]:
        return [names[id_] for id_ in await listed(store, replace(STUDIO, **filters), limit=1)]

    waiting, ended = DeliveryStatus.WAITING, DeliveryStatus.EXHAUSTED
    assert await selection(job_id=fresh.job_id) == ["fresh"]
    assert await selection(job_id=fresh.job_id, status=ended) == []
    assert await selection(endpoint_id=endpoint.endpoint_id) == ["endpoint"]
    assert await selection(endpoint_id=endpoint.endpoint_id, event="job.completed") == []
    assert await selection(destination="https://gone.example:443") == ["gone"]
    assert await selection(destination="https://nowhere.example:443") == []
    assert await selection(status=waiting) == ["fresh", "endpoint"]
    assert await selection(status=ended) == ["failed", "gone"]
    assert await selection(status=DeliveryStatus.CANCELLED) == []
    assert await selection(reason="dns") == ["failed"]
    assert await selection(reason="dns", status=waiting) == []
    assert await selection(event="endpoint.test") == ["endpoint"]
    assert await selection(event="job.completed", status=waiting) == ["fresh"]
    since = gone.created_at_ms
    assert await selection(since_ms=since) == ["gone"]
    assert await selection(before_ms=since) == ["fresh", "endpoint", "failed"]
    assert await selection(since_ms=10, before_ms=30) == ["endpoint", "failed"]
    assert await selection(since_ms=10, before_ms=30, status=ended) == ["failed"]
    assert await selection(since_ms=31, before_ms=since) == []
    assert await selection(since_ms=0, job_id=fresh.job_id) == ["fresh"]
    assert await selection(before_ms=30, job_id=fresh.job_id) == []


async def test_deliveries_of_one_millisecond_are_each_on_one_page(store: Store) -> None:
    ids = [(await owed(store, created_at_ms=5)).delivery_id for _ in range(7)]
    timed = replace(STUDIO, since_ms=5, before_ms=6)
    assert await listed(store, timed, limit=2) == ids[::-1]


async def test_a_page_is_not_disturbed_by_what_is_made_meanwhile(store: Store) -> None:
    ids = [(await owed(store)).delivery_id for _ in range(4)]
    first = await store.list_deliveries(STUDIO, limit=2)
    await owed(store)
    rest = await store.list_deliveries(STUDIO, limit=9, before_seq=first.next_seq)
    assert [one.delivery_id for one in (*first.items, *rest.items)] == ids[::-1]


async def test_a_redelivery_begins_another_round_of_the_same_delivery(store: Store) -> None:
    ended = await exhausted(store, await owed(store))
    known = await store.get_delivery(ended.delivery_id)
    assert known is not None
    assert await store.redeliver(known, now_ms=LATER)
    assert not await store.redeliver(known, now_ms=LATER)
    (claimed,) = await claim_due(store, at=LATER)
    assert (claimed.delivery_id, claimed.body) == (ended.delivery_id, ended.body)
    assert (claimed.attempts_count, claimed.round_attempts_count) == (1, 0)
    assert (claimed.round_started_at_ms, claimed.ended_at_ms) == (LATER, None)
    assert len(await store.attempts_of(ended.delivery_id)) == 1


async def test_the_attempts_of_many_deliveries_are_read_together_and_in_order(
    store: Store,
) -> None:
    twice = await exhausted(store, await owed(store))
    known = await store.get_delivery(twice.delivery_id)
    assert known is not None
    assert await store.redeliver(known, now_ms=LATER)
    (again,) = await claim_due(store, at=LATER)
    second = replace(ATTEMPT, number=2)
    assert (await store.record_attempt(recording(again, second))).written
    never = await owed(store)
    ids = [never.delivery_id, twice.delivery_id, "nobody's"]
    attempts = await store.attempts_of_each(ids)
    assert attempts == {
        never.delivery_id: [],
        twice.delivery_id: [ATTEMPT, second],
        "nobody's": [],
    }
    assert await store.attempts_of(twice.delivery_id) == attempts[twice.delivery_id]
    assert await store.attempts_of_each([]) == {}


async def test_a_delivery_that_somebody_holds_is_not_begun_anew(store: Store) -> None:
    delivery = await a_waiting_delivery(store)
    (claimed,) = await claim_due(store)
    for known in (delivery, claimed):
        assert not await store.redeliver(known, now_ms=LATER)
    assert await store.is_held(claimed)


async def test_of_many_redeliveries_at_once_one_begins_a_round(store: Store) -> None:
    delivery = await a_waiting_delivery(store)
    begun = await asyncio.gather(*(store.redeliver(delivery, now_ms=NOW) for _ in range(9)))
    assert sum(begun) == 1


# the feed


async def test_the_feed_has_every_event_with_its_bytes_and_its_webhook_ids(store: Store) -> None:
    delivery = await owed(store)
    silent = a_job()
    await store.submit(a_submission(silent))
    event = an_event(silent, body='{"é":1}'.encode())
    assert await store.end_job(replace(ending(await get(store, silent)), event=event))
    await owed(store, workspace="rival")
    first, second = await store.events_after("studio", seq=0, limit=9)
    assert first.webhook_ids == (delivery.delivery_id,)
    assert (first.event.job_id, first.event.body) == (delivery.job_id, delivery.body)
    assert second == FeedItem(event=replace(event, seq=second.event.seq), webhook_ids=())
    assert await store.events_after("studio", seq=first.event.seq, limit=9) == [second]
    assert await store.events_after("studio", seq=0, limit=1) == [first]
    assert await store.last_event_seq("studio") == second.event.seq
    assert await store.last_event_seq("nobody") == 0


async def test_events_without_a_job_keep_their_own_webhook_ids(store: Store) -> None:
    for number in range(3):
        test = an_event(a_job(job_id=""), type=EventType.ENDPOINT_TEST)
        await store.add_endpoint_event(an_endpoint(), test, delivery_id=f"d{number}")
    found = await store.events_after("studio", seq=0, limit=9)
    assert [item.webhook_ids for item in found] == [("d0",), ("d1",), ("d2",)]


@pytest.mark.timeout(60)
async def test_a_reader_of_the_feed_skips_no_event_of_many_writers(tmp_path: Path) -> None:
    stores = [await SqliteStore.open(tmp_path, exclusive=first) for first in (True, False)]
    await open_workspaces(stores[0], "studio")
    seen: list[str] = []
    writing = True

    async def read() -> None:
        seq = 0
        while True:
            last = not writing
            found = await stores[0].events_after("studio", seq=seq, limit=7)
            seen.extend(item.event.job_id for item in found)
            seq = found[-1].event.seq if found else seq
            if last and not found:
                return

    async def write(store: SqliteStore) -> list[str]:
        return [(await owed(store)).job_id for _ in range(15)]

    reader = asyncio.create_task(read())
    written = await asyncio.gather(*(write(store) for store in stores for _ in range(8)))
    writing = False
    await reader
    assert sorted(seen) == sorted(job_id for ids in written for job_id in ids)
    for store in stores:
        await store.close()


# destinations


async def test_destinations_are_listed_by_origin_with_what_waits_there(store: Store) -> None:
    for url in ("https://b.example/", "https://a.example/", "https://a.example/2"):
        await owed(store, url=url)
    await owed(store, url="https://c.example/", workspace="rival")
    found = await store.list_destinations("studio", limit=9)
    assert [one.origin for one in found] == ["https://a.example:443", "https://b.example:443"]
    first, second = found
    assert await store.list_destinations("studio", limit=1) == [first]
    assert await store.list_destinations("studio", limit=9, after_origin=first.origin) == [second]
    numbers = [first.destination_id, second.destination_id, 999]
    counted = {first.destination_id: 2, second.destination_id: 1, 999: 0}
    assert await store.waiting_at(numbers, limit=9) == counted
    assert set((await store.waiting_at(numbers, limit=1)).values()) == {0, 1}
    assert await store.get_destination("studio", first.origin) == first
    assert await store.get_destination("rival", first.origin) is None


async def test_a_paused_destination_is_handed_nothing_until_it_is_resumed(store: Store) -> None:
    delivery = await a_waiting_delivery(store)
    await store.pause_destination(delivery.destination_id, paused_at_ms=NOW)
    known = await store.get_destination("studio", delivery.destination)
    assert known is not None
    assert known.paused_at_ms == NOW
    assert await claim_due(store) == []
    assert await store.next_due_ms() is None
    await store.pause_destination(delivery.destination_id, paused_at_ms=None)
    assert len(await claim_due(store)) == 1


async def test_what_is_due_before_a_delivery_is_counted_to_a_limit(store: Store) -> None:
    first, second, third = [await a_waiting_delivery(store, due=due) for due in (5, 6, 6)]
    await a_waiting_delivery(store, due=1, url="https://other.example/")
    assert [await store.waiting_before(one, limit=9) for one in (first, second, third)] == [0, 1, 2]
    assert await store.waiting_before(third, limit=1) == 1
    ended = replace(third, next_attempt_at_ms=None)
    assert await store.waiting_before(ended, limit=9) == 0
