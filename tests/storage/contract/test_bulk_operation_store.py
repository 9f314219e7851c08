"""Bulk operations on every store: bounded steps that neither repeat nor skip."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ringback.jobs.model import JobResult
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.contract import Store
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.outbox import Ending
from ringback.webhooks.store import BulkOperation, BulkOperationKind, DeliveryFilter
from tests.builders import ROOMY, a_job, a_key, a_submission, an_endpoint, an_event

NOW = 1_800_000_000_000
RECEIVER_URL = "https://shop.example/hook"


async def an_end(store: Store, *, workspace_id: str = "studio", **changes: Any) -> list[Delivery]:
    """End a job; return the deliveries that it owes."""
    await store.submit(a_submission(a_job(workspace_id=workspace_id, **changes)))
    (job,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=NOW)
    after = advance(job, JobEvent.COMPLETE, now_ms=NOW, result=JobResult())
    event = an_event(job, created_at_ms=NOW)
    assert await store.end_job(Ending(before=job, after=after, limits=ROOMY, event=event))
    return await store.deliveries_of(job.job_id)


async def ended(store: Store, count: int, status: DeliveryStatus) -> list[Delivery]:
    """Return so many deliveries that ended in that status."""
    found = []
    for _ in range(count):
        (delivery,) = await an_end(store, webhook_url=RECEIVER_URL)
        assert await store.end_delivery(delivery, status, now_ms=NOW)
        found.append(delivery)
    return found


def a_bulk_operation(kind: BulkOperationKind, number: int = 1, **selection: Any) -> BulkOperation:
    return BulkOperation(
        bulk_operation_id=f"c{number}",
        workspace_id="studio",
        kind=kind,
        selection=DeliveryFilter(workspace_id="studio", **selection),
        created_at_ms=number,
        rate=100,
        first_seq=0,
        cursor=0,
        last_seq=0,
    )


async def do_all(store: Store, bulk_operation: BulkOperation, *, limit: int = 2) -> BulkOperation:
    """Step a bulk operation until it has ended."""
    for _ in range(100):
        bulk_operation = await store.step_bulk_operation(bulk_operation, limit=limit, now_ms=NOW)
        if bulk_operation.ended_at_ms is not None:
            return bulk_operation
    raise AssertionError("the bulk operation does not end")


async def statuses(store: Store, deliveries: list[Delivery]) -> list[str]:
    found = [await store.get_delivery(one.delivery_id) for one in deliveries]
    return [one.status.value for one in found if one is not None]


async def test_redelivering_begins_another_round_of_what_the_filter_finds(store: Store) -> None:
    exhausted = await ended(store, 5, DeliveryStatus.EXHAUSTED)
    discarded = await ended(store, 2, DeliveryStatus.DISCARDED)
    rivals = await an_end(store, workspace_id="rival", webhook_url=RECEIVER_URL)
    await store.end_delivery(rivals[0], DeliveryStatus.EXHAUSTED, now_ms=NOW)
    requested = a_bulk_operation(BulkOperationKind.REDELIVER, status=DeliveryStatus.EXHAUSTED)
    bulk_operation = await store.add_bulk_operation(requested)
    later = await ended(store, 1, DeliveryStatus.EXHAUSTED)
    done = await do_all(store, bulk_operation)
    assert done.done_count == 5
    assert await statuses(store, exhausted) == ["waiting"] * 5
    assert await statuses(store, [*discarded, *rivals, *later]) == [
        "discarded",
        "discarded",
        "exhausted",
        "exhausted",
    ]
    claimed = await store.claim_due(now_ms=NOW, limit=9, limit_each=9, lease_until_ms=NOW + 1)
    assert {one.delivery_id for one in claimed} == {one.delivery_id for one in exhausted}


async def test_a_step_does_no_more_than_it_may_and_the_next_goes_on_from_there(
    store: Store,
) -> None:
    deliveries = await ended(store, 5, DeliveryStatus.EXHAUSTED)
    bulk_operation = await store.add_bulk_operation(a_bulk_operation(BulkOperationKind.REDELIVER))
    first = await store.step_bulk_operation(bulk_operation, limit=2, now_ms=NOW)
    assert (first.done_count, first.ended_at_ms) == (2, None)
    assert await store.open_bulk_operations() == [first]
    assert await statuses(store, deliveries) == ["waiting"] * 2 + ["exhausted"] * 3
    # A step from an older copy of the bulk operation repeats nothing.
    assert (await store.step_bulk_operation(bulk_operation, limit=2, now_ms=NOW)).done_count == 4
    assert (await do_all(store, bulk_operation)).done_count == 5
    assert await store.open_bulk_operations() == []


async def test_a_delivery_that_somebody_holds_is_left_to_them(store: Store) -> None:
    await an_end(store, webhook_url=RECEIVER_URL)
    (held,) = await store.claim_due(now_ms=NOW, limit=1, limit_each=1, lease_until_ms=NOW + 1)
    bulk_operation = await store.add_bulk_operation(a_bulk_operation(BulkOperationKind.REDELIVER))
    assert (await do_all(store, bulk_operation)).done_count == 0
    assert await store.is_held(held)


async def test_a_cancelled_bulk_operation_does_nothing_more(store: Store) -> None:
    deliveries = await ended(store, 3, DeliveryStatus.EXHAUSTED)
    bulk_operation = await store.add_bulk_operation(a_bulk_operation(BulkOperationKind.REDELIVER))
    await store.step_bulk_operation(bulk_operation, limit=1, now_ms=NOW)
    assert await store.cancel_bulk_operation("c1", now_ms=NOW)
    assert not await store.cancel_bulk_operation("c1", now_ms=NOW)
    after = await store.step_bulk_operation(bulk_operation, limit=9, now_ms=NOW)
    assert (after.cancelled, after.done_count) == (True, 1)
    assert await statuses(store, deliveries) == ["waiting", "exhausted", "exhausted"]
    assert await store.list_bulk_operations("studio", limit=9) == [after]
    assert await store.list_bulk_operations("rival", limit=9) == []


@pytest.fixture
async def endpoint(store: Store) -> Endpoint:
    made = an_endpoint()
    assert await store.add_endpoint(made, a_key(), limit=9)
    return made


async def test_a_disabled_endpoints_waiting_deliveries_are_discarded(
    store: Store, endpoint: Endpoint
) -> None:
    deliveries = [(await an_end(store))[0] for _ in range(3)]
    (others,) = await an_end(store, workspace_id="rival", webhook_url=RECEIVER_URL)
    claimed = await store.claim_due(now_ms=NOW, limit=9, limit_each=1, lease_until_ms=NOW + 1)
    (held,) = (one for one in claimed if one.workspace_id == "studio")
    off = replace(endpoint, disabled_at_ms=NOW, disabled_reason="asked")
    assert await store.change_endpoint(off, before=endpoint, now_ms=NOW)
    (bulk_operation,) = await store.open_bulk_operations()
    assert (await do_all(store, bulk_operation)).done_count == 3
    assert await statuses(store, [*deliveries, others]) == ["discarded"] * 3 + ["waiting"]
    assert not await store.is_held(held)


async def test_what_was_delivered_is_left_alone_when_its_endpoint_takes_no_more(
    store: Store, endpoint: Endpoint
) -> None:
    (delivered,) = await an_end(store)
    await store.end_delivery(delivered, DeliveryStatus.DELIVERED, now_ms=NOW)
    off = replace(endpoint, disabled_at_ms=NOW, disabled_reason="asked")
    assert await store.change_endpoint(off, before=endpoint, now_ms=NOW)
    bulk_operation = await store.add_bulk_operation(
        a_bulk_operation(BulkOperationKind.REDELIVER, status=DeliveryStatus.DELIVERED)
    )
    assert (await do_all(store, bulk_operation)).done_count == 0
    assert await statuses(store, [delivered]) == ["delivered"]
    assert await store.delete_endpoint(off.endpoint_id, now_ms=NOW)
    again = a_bulk_operation(BulkOperationKind.REDELIVER, number=2, status=DeliveryStatus.DELIVERED)
    assert (await do_all(store, await store.add_bulk_operation(again))).done_count == 0
    assert await statuses(store, [delivered]) == ["delivered"]


async def test_an_endpoints_waiting_deliveries_follow_it_to_its_new_url(
    store: Store, endpoint: Endpoint
) -> None:
    deliveries = [(await an_end(store))[0] for _ in range(3)]
    await store.end_delivery(deliveries[0], DeliveryStatus.CANCELLED, now_ms=NOW)
    (held,) = await store.claim_due(now_ms=NOW, limit=1, limit_each=1, lease_until_ms=NOW + 1)
    moved = replace(endpoint, url="https://new.example/all", destination="https://new.example:443")
    assert await store.change_endpoint(moved, before=endpoint, now_ms=NOW)
    (bulk_operation,) = await store.open_bulk_operations()
    assert (await do_all(store, bulk_operation)).done_count == 2
    assert not await store.is_held(held)
    claimed = await store.claim_due(now_ms=NOW, limit=9, limit_each=9, lease_until_ms=NOW + 1)
    assert [one.url for one in claimed] == ["https://new.example/all"] * 2
    assert {one.destination for one in claimed} == {"https://new.example:443"}
    assert await store.next_due_ms() is None


async def test_recovery_owes_an_endpoint_what_it_missed_and_nothing_else(
    store: Store, endpoint: Endpoint
) -> None:
    (delivered,) = await an_end(store)
    await store.end_delivery(delivered, DeliveryStatus.DELIVERED, now_ms=NOW)
    (given_up,) = await an_end(store)
    await store.end_delivery(given_up, DeliveryStatus.EXHAUSTED, now_ms=NOW)
    off = replace(endpoint, disabled_at_ms=NOW)
    assert await store.change_endpoint(off, before=endpoint, now_ms=NOW)
    assert await an_end(store) == []
    await an_end(store, workspace_id="rival")
    assert await store.change_endpoint(endpoint, before=off, now_ms=NOW)
    (discarding,) = await store.open_bulk_operations()
    await do_all(store, discarding)
    requested = a_bulk_operation(
        BulkOperationKind.RECOVER, endpoint_id=endpoint.endpoint_id, since_ms=NOW
    )
    bulk_operation = await store.add_bulk_operation(requested)
    assert (await do_all(store, bulk_operation)).done_count == 2
    claimed = await store.claim_due(now_ms=NOW, limit=9, limit_each=9, lease_until_ms=NOW + 1)
    assert len(claimed) == 2
    assert given_up.delivery_id in {one.delivery_id for one in claimed}
    assert await statuses(store, [delivered]) == ["delivered"]
    # Requested twice, nothing comes twice.
    again = await store.add_bulk_operation(replace(requested, bulk_operation_id="c2"))
    assert (await do_all(store, again)).done_count == 0
