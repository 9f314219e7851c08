"""Sums of what a workspace did lately, on every store."""

from __future__ import annotations

from msgspec.structs import replace

from ringback.jobs.model import JobStatus
from ringback.storage.activity import DeliveryCount, OldestWaiting
from ringback.storage.contract import Store
from ringback.webhooks.model import DeliveryStatus
from tests.builders import a_job, a_submission
from tests.storage.contract.test_delivery_log import exhausted, owed
from tests.storage.contract.test_store import ATTEMPT, claim_due, recording

HOUR_MS = 3_600_000


async def test_deliveries_are_counted_by_hour_destination_and_status(store: Store) -> None:
    gone = await exhausted(store, await owed(store, created_at_ms=6 * HOUR_MS))
    await owed(store, created_at_ms=1)
    first = await owed(store, created_at_ms=5 * HOUR_MS)
    await owed(store, created_at_ms=6 * HOUR_MS - 1)
    await owed(store, workspace="rival", created_at_ms=6 * HOUR_MS)
    counts = await store.delivery_counts("studio", since_ms=5 * HOUR_MS, limit=100)
    waiting, exhausted_ = sorted(counts, key=lambda one: one.hour)
    kind = DeliveryCount(
        hour=0,
        destination_id=first.destination_id,
        status=DeliveryStatus.WAITING,
        is_retrying=False,
        count=2,
    )
    assert waiting == kind
    assert exhausted_ == replace(kind, hour=1, status=DeliveryStatus.EXHAUSTED, count=1)
    assert gone.destination_id == first.destination_id
    (newest,) = await store.delivery_counts("studio", since_ms=0, limit=1)
    assert newest.count == 1
    (found,) = await store.destinations_with_ids([first.destination_id, 999_999])
    assert found.origin == first.destination


async def test_a_delivery_whose_attempt_failed_is_retrying_and_has_its_last_code(
    store: Store,
) -> None:
    delivery = await owed(store)
    assert await store.last_status_codes([delivery.delivery_id]) == {}
    (claimed,) = await claim_due(store)
    after = replace(claimed, reason="status", attempts_count=1, round_attempts_count=1)
    assert (await store.record_attempt(recording(after, replace(ATTEMPT, status_code=503)))).written
    (count,) = await store.delivery_counts("studio", since_ms=0, limit=10)
    assert count.is_retrying
    assert await store.last_status_codes([delivery.delivery_id]) == {delivery.delivery_id: 503}


async def test_the_oldest_waiting_delivery_is_named(store: Store) -> None:
    assert await store.oldest_waiting("studio", limit=10) == OldestWaiting(count=0)
    await owed(store, created_at_ms=9_000)
    oldest = await owed(store, created_at_ms=8_000, url="https://other.example/hook")
    await owed(store, created_at_ms=1_000, workspace="rival")
    assert await store.oldest_waiting("studio", limit=10) == OldestWaiting(
        count=2, delivery_id=oldest.delivery_id, created_at_ms=8_000
    )
    assert (await store.oldest_waiting("studio", limit=1)).count == 1


async def test_jobs_are_counted_by_status_and_found_by_ids(store: Store) -> None:
    jobs = [a_job(), a_job(), a_job(workspace_id="rival")]
    for job in jobs:
        await store.submit(a_submission(job))
    (queued,) = await store.job_counts("studio", since_ms=0, limit=10)
    assert (queued.status, queued.count) == (JobStatus.QUEUED, 2)
    assert queued.oldest_at_ms == min(job.created_at_ms for job in jobs[:2])
    assert await store.pending_counts("studio", limit=10) == [queued]
    assert (await store.pending_counts("studio", limit=1))[0].count == 1
    ids = [job.job_id for job in jobs]
    assert {one.job_id for one in await store.jobs_with_ids([*ids, "nobody"])} == set(ids)
