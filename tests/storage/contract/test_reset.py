"""The reset of a workspace on every store: all rows go, late writes find nothing, others stay."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ringback.errors import RunOver
from ringback.files.assets.model import Asset
from ringback.jobs.model import Job, JobResult
from ringback.jobs.store import JobFilter, StepSubmission
from ringback.jobs.transitions import JobEvent, advance
from ringback.signing.rotation import endpoint_owner, workspace_owner
from ringback.storage.contract import Store
from ringback.storage.retention import Kept
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Ending
from ringback.webhooks.store import BulkOperation, BulkOperationKind, DeliveryFilter
from tests.builders import ROOMY, a_job, a_key, a_submission, an_endpoint, an_event

NOW = 1_800_000_000_000
URL = "https://shop.example/hook"


async def held_job(store: Store, workspace_id: str, **changes: Any) -> Job:
    job = a_job(workspace_id=workspace_id, webhook_url=URL, **changes)
    await store.submit(a_submission(job, key=job.job_id))
    (held,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=NOW)
    return held


def ending(held: Job) -> Ending:
    result = JobResult(urls=(f"{held.base_url}/artifacts/{held.job_id}.png",))
    after = advance(held, JobEvent.COMPLETE, now_ms=NOW, result=result)
    return Ending(before=held, after=after, limits=ROOMY, event=an_event(held, created_at_ms=NOW))


async def claimed_delivery(store: Store) -> Delivery:
    (claimed,) = await store.claim_due(now_ms=NOW, limit=1, limit_each=1, lease_until_ms=NOW)
    return claimed


def recording(claimed: Delivery) -> AttemptRecord:
    return AttemptRecord(
        delivery=replace(
            claimed,
            status=DeliveryStatus.DELIVERED,
            attempts_count=1,
            next_attempt_at_ms=None,
            ended_at_ms=NOW,
        ),
        attempt=Attempt(number=1, started_at_ms=NOW, duration_ms=1, status_code=204),
        healthy=True,
        now_ms=NOW,
        breaker=BreakerSettings(),
        failing=FailingSettings(),
    )


def an_asset(workspace_id: str) -> Asset:
    return Asset(
        asset_id=f"01{workspace_id}",
        workspace_id=workspace_id,
        artifact=f"{workspace_id}.png",
        media_type="image/png",
        size_bytes=9,
        created_at_ms=NOW,
        fingerprint="f",
    )


async def a_life(store: Store, workspace_id: str) -> tuple[Job, Delivery]:
    """Fill a workspace; return a job that runs there and a delivery that is under way."""
    endpoint = an_endpoint(endpoint_id=f"ep-{workspace_id}", workspace_id=workspace_id, url=URL)
    assert await store.add_endpoint(endpoint, a_key(key_id=f"sk-{workspace_id}"), limit=5)
    for _ in range(2):
        assert await store.end_job(ending(await held_job(store, workspace_id)))
        assert (await store.record_attempt(recording(await claimed_delivery(store)))).written
    await store.submit(a_submission(a_job(workspace_id=workspace_id, engine="other")))
    await store.index_prompts(before_ms=NOW + 1, limit=100)
    await store.add_asset(an_asset(workspace_id), bytes_max=100)
    return await held_job(store, workspace_id), await claimed_delivery(store)


async def jobs_of(store: Store, workspace_id: str) -> list[Job]:
    return await store.list_jobs(JobFilter(workspace_id=workspace_id, limit=100))


async def test_everything_of_the_workspace_goes_and_it_stays_itself(store: Store) -> None:
    running, _ = await a_life(store, "studio")
    emptied = await store.empty_workspace("studio")
    assert (emptied.jobs_count, emptied.events_count) == (4, 2)
    assert emptied.deliveries_count == 4  # two events, each to the job's URL and the endpoint
    assert (emptied.endpoints_count, emptied.assets_count) == (1, 1)
    assert running.job_id in emptied.pending_job_ids
    assert len(emptied.pending_job_ids) == 2
    assert "studio.png" in emptied.files
    assert len(emptied.files) == 3
    assert await jobs_of(store, "studio") == []
    assert await store.list_endpoints("studio") == []
    assert await store.list_assets("studio", before_id=None, limit=9) == []
    assert await store.events_after("studio", seq=0, limit=9) == []
    assert await store.deliveries_of(running.job_id) == []
    assert await store.keys_of(endpoint_owner("ep-studio")) == []
    assert (await store.get_workspace("studio")) is not None
    assert await store.next_due_ms() is None
    counts = await store.counts()
    assert not any(counts.jobs.values())
    assert not any(counts.deliveries.values())
    ledger = await store.ledger()
    assert ledger.balances, ledger.faults


async def test_late_writes_find_nothing_and_bring_nothing_back(store: Store) -> None:
    running, under_way = await a_life(store, "studio")
    await store.empty_workspace("studio")
    assert not await store.hold_job(running, lease_until_ms=NOW)
    assert not await store.extend_lease(running, lease_until_ms=NOW)
    assert not await store.requeue_job(running)
    assert not await store.end_job(ending(running))
    assert not await store.add_interim_event(running, an_event(running))
    assert not (await store.record_attempt(recording(under_way))).written
    assert not await store.end_delivery(under_way, DeliveryStatus.DISCARDED, now_ms=NOW)
    assert not await store.is_held(under_way)
    await store.release_deliveries([under_way], now_ms=NOW)
    step = a_job(workspace_id="studio", run_id=running.job_id, step="one")
    with pytest.raises(RunOver):
        await store.submit_step(StepSubmission(job=step, limits=ROOMY))
    assert await jobs_of(store, "studio") == []
    assert await store.attempts_of(under_way.delivery_id) == []
    assert await store.events_after("studio", seq=0, limit=9) == []
    assert (await store.ledger()).balances


async def test_another_workspace_sees_nothing_of_it(store: Store) -> None:
    await a_life(store, "studio")
    theirs, under_way = await a_life(store, "rival")
    before = await jobs_of(store, "rival")
    log = await store.events_after("rival", seq=0, limit=9)
    await store.empty_workspace("studio")
    assert await jobs_of(store, "rival") == before
    assert await store.events_after("rival", seq=0, limit=9) == log
    assert len(await store.list_endpoints("rival")) == 1
    assert len(await store.list_assets("rival", before_id=None, limit=9)) == 1
    assert await store.keys_of(endpoint_owner("ep-rival"))
    assert await store.is_held(under_way)
    assert (await store.record_attempt(recording(under_way))).written
    assert await store.end_job(ending(theirs))
    ledger = await store.ledger()
    assert ledger.balances, ledger.faults


async def test_the_workspace_lives_on_as_a_new_one(store: Store) -> None:
    await a_life(store, "studio")
    latest = await store.last_event_seq("studio")
    keys = await store.keys_of(workspace_owner("studio"))
    await store.empty_workspace("studio")
    await a_life(store, "studio")
    news = await store.events_after("studio", seq=latest, limit=9)
    assert len(news) == 2  # a reader of the feed goes on from its old cursor
    assert await store.keys_of(workspace_owner("studio")) == keys
    assert (await store.ledger()).balances
    for kind in Kept:
        while (await store.prune(kind, before_ms=NOW + 1, limit=100)).more:
            pass
    assert (await store.ledger()).balances


async def test_a_bulk_operation_of_another_takes_no_delivery_that_came_after(
    store: Store,
) -> None:
    await a_life(store, "rival")
    await a_life(store, "studio")
    added = await store.add_bulk_operation(
        BulkOperation(
            bulk_operation_id="op",
            workspace_id="rival",
            kind=BulkOperationKind.REDELIVER,
            selection=DeliveryFilter(workspace_id="rival"),
            created_at_ms=NOW,
            rate=10,
            first_seq=0,
            cursor=0,
            last_seq=0,
        ),
        running_max=5,
    )
    before = {one.delivery_id for one in await all_deliveries(store, "rival")}
    await store.empty_workspace("studio")
    assert await store.end_job(ending(await held_job(store, "rival")))
    late = [one for one in await all_deliveries(store, "rival") if one.delivery_id not in before]
    assert late
    for _ in range(10):
        added = await store.step_bulk_operation(added, limit=100, now_ms=NOW + 5)
    assert added.ended_at_ms is not None
    after = {one.delivery_id: one.epoch for one in await all_deliveries(store, "rival")}
    assert all(after[one.delivery_id] == one.epoch for one in late)


async def all_deliveries(store: Store, workspace_id: str) -> list[Delivery]:
    return [
        delivery
        for job in await jobs_of(store, workspace_id)
        for delivery in await store.deliveries_of(job.job_id)
    ]
