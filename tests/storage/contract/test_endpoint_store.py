"""Endpoints and interim events, on every store."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent, advance
from ringback.signing.rotation import endpoint_owner
from ringback.storage.contract import Store
from ringback.webhooks.events import EventType
from ringback.webhooks.model import Delivery
from ringback.webhooks.outbox import Ending
from tests.builders import ROOMY, a_job, a_key, a_submission, an_endpoint, an_event

NOW = 1_900_000_000_000
LEASE = NOW + 60_000


async def claim(
    store: Store,
    *,
    each: int = 8,
    rooms: dict[int, int] | None = None,
    interim_rooms: dict[int, int] | None = None,
) -> list[Delivery]:
    return await store.claim_due(
        now_ms=NOW,
        limit=100,
        limit_each=each,
        lease_until_ms=LEASE,
        rooms=rooms,
        interim_rooms=interim_rooms,
    )


async def a_listened_job(store: Store) -> Job:
    """A running job whose URL gets every event."""
    events = ("job.completed", "job.started", "job.progress")
    job = a_job(webhook_url="https://shop.example/x", webhook_events=events)
    await store.submit(a_submission(job))
    (held,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=LEASE)
    return held


async def tell(store: Store, job: Job, event_type: EventType) -> None:
    event = an_event(job, type=event_type, created_at_ms=1)  # longer due than any end
    assert await store.add_interim_event(job, event)


def an_ending(job: Job) -> Ending:
    after = advance(job, JobEvent.COMPLETE, now_ms=NOW, result=JobResult(urls=("http://x/a.png",)))
    return Ending(before=job, after=after, limits=ROOMY, event=an_event(after, created_at_ms=2))


async def test_an_endpoint_reads_as_it_was_written(store: Store) -> None:
    endpoint = an_endpoint(
        description="the shop",
        events=("job.completed", "job.progress"),
        models=("bfl/flux-1-dev",),
        headers="sealed",
        header_names=("x-api-key",),
        schedule_s=(0.0, 5.5),
        disabled_at_ms=7,
        disabled_reason="asked",
        failing_since_ms=3,
        warned_percent=50,
        missed_since_ms=2,
    )
    assert await store.add_endpoint(endpoint, a_key(), limit=1)
    assert await store.get_endpoint(endpoint.endpoint_id) == endpoint
    assert await store.list_endpoints("studio") == [endpoint]
    assert await store.list_endpoints("rival") == []


async def test_a_workspace_has_no_more_endpoints_than_its_limit_however_many_ask_at_once(
    store: Store,
) -> None:
    added = await asyncio.gather(
        *(store.add_endpoint(an_endpoint(), a_key(), limit=3) for _ in range(9))
    )
    assert sum(added) == len(await store.list_endpoints("studio")) == 3


async def test_of_two_changes_based_on_the_same_endpoint_one_is_written(store: Store) -> None:
    before = an_endpoint()
    await store.add_endpoint(before, a_key(), limit=1)
    changes = [replace(before, description=f"{n}") for n in range(5)]
    written = await asyncio.gather(
        *(store.change_endpoint(one, before=before, now_ms=NOW) for one in changes)
    )
    assert sum(written) == 1
    now = await store.get_endpoint(before.endpoint_id)
    assert now == changes[written.index(True)]


async def test_a_deleted_endpoint_is_gone_with_its_keys_and_makes_room(store: Store) -> None:
    endpoint = an_endpoint()
    await store.add_endpoint(endpoint, a_key(), limit=1)
    assert await store.delete_endpoint(endpoint.endpoint_id, now_ms=NOW)
    assert not await store.delete_endpoint(endpoint.endpoint_id, now_ms=NOW)
    assert not await store.change_endpoint(endpoint, before=endpoint, now_ms=NOW)
    assert await store.keys_of(endpoint_owner(endpoint.endpoint_id)) == []
    assert await store.add_endpoint(an_endpoint(), a_key(), limit=1)


async def test_ends_are_claimed_before_passing_events_and_leave_them_half_the_places(
    store: Store,
) -> None:
    jobs = [await a_listened_job(store) for _ in range(12)]
    for job in jobs[:10]:
        await tell(store, job, EventType.JOB_STARTED)
    for job in jobs[10:]:
        await store.end_job(an_ending(job))
    claimed = await claim(store, each=8)
    assert [one.event for one in claimed if one.event == "job.completed"] == ["job.completed"] * 2
    assert len(claimed) == 2 + 4
    number = claimed[0].destination_id
    assert await claim(store, interim_rooms={number: 0}) == []
    assert len(await claim(store, rooms={number: 0}, interim_rooms={number: 1})) == 1
    assert await store.next_due_ms() == 1  # the others still wait


@pytest.mark.parametrize("at", ["waiting", "held"])
async def test_of_the_progress_of_a_job_no_two_wait_for_one_receiver(store: Store, at: str) -> None:
    job = await a_listened_job(store)
    await tell(store, job, EventType.JOB_PROGRESS)
    if at == "held":
        assert len(await claim(store)) == 1
    await tell(store, job, EventType.JOB_PROGRESS)
    statuses = [one.status.value for one in await store.deliveries_of(job.job_id)]
    assert statuses == (["waiting"] if at == "held" else ["cancelled", "waiting"])
