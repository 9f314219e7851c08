"""Retention on every store: rows past it are deleted, and none that has not ended."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.contract import Store
from ringback.storage.retention import Kept, Retention
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Ending
from tests.builders import ROOMY, a_job, a_submission, an_event

OLD = 1_700_000_000_000
CUT = OLD + 1_000
NEW = OLD + 2_000
RECEIVER_URL = "https://shop.example/hook"


async def prune(store: Store, what: Kept, *, limit: int = 100) -> int:
    """Prune to the end; return how many."""
    count = 0
    for _ in range(50):
        step = await store.prune(what, before_ms=CUT, limit=limit)
        count += step.count
        if not step.more:
            return count
    raise AssertionError("pruning does not end")


async def an_ended_job(
    store: Store, *, at: int = OLD, still: str | None = None, **changes: Any
) -> Job:
    job = a_job(**{"created_at_ms": at, "webhook_url": RECEIVER_URL, **changes})
    await store.submit(a_submission(job))
    (held,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=at)
    urls = (f"{job.base_url}/artifacts/{job.job_id}.png",)
    result = JobResult(urls=urls, still=still and f"{job.base_url}/artifacts/{still}")
    after = advance(held, JobEvent.COMPLETE, now_ms=at, result=result)
    event = an_event(job, created_at_ms=at)
    assert await store.end_job(Ending(before=held, after=after, limits=ROOMY, event=event))
    return job


async def delivered(store: Store, *, at: int = OLD) -> Delivery:
    """Deliver the longest-due delivery."""
    (claimed,) = await store.claim_due(now_ms=NEW, limit=1, limit_each=1, lease_until_ms=NEW)
    after = replace(
        claimed,
        status=DeliveryStatus.DELIVERED,
        attempts_count=1,
        next_attempt_at_ms=None,
        ended_at_ms=at,
    )
    attempt = Attempt(
        number=1, started_at_ms=at, duration_ms=1, status_code=200, response=b"thanks"
    )
    recording = AttemptRecord(
        delivery=after,
        attempt=attempt,
        healthy=True,
        now_ms=at,
        breaker=BreakerSettings(),
        failing=FailingSettings(),
    )
    assert (await store.record_attempt(recording)).written
    return after


async def test_old_answers_are_emptied_once_and_young_ones_stay(store: Store) -> None:
    await an_ended_job(store)
    old = await delivered(store)
    await an_ended_job(store, at=NEW)
    young = await delivered(store, at=NEW)
    assert await prune(store, Kept.ANSWERS, limit=1) == 1
    assert await prune(store, Kept.ANSWERS) == 0
    assert [one.response for one in await store.attempts_of(old.delivery_id)] == [b""]
    assert [one.response for one in await store.attempts_of(young.delivery_id)] == [b"thanks"]


@pytest.mark.parametrize("emptied_by", [Kept.ATTEMPTS, Kept.DELIVERIES])
async def test_answers_are_emptied_after_every_attempt_before_them_was_pruned(
    store: Store, emptied_by: Kept
) -> None:
    for _ in range(3):
        await an_ended_job(store)
        await delivered(store)
    assert await prune(store, Kept.ANSWERS) == 3
    for what in (Kept.JOBS, emptied_by):
        assert await prune(store, what) == 3
    await an_ended_job(store)
    later = await delivered(store)
    assert await prune(store, Kept.ANSWERS) == 1
    assert [one.response for one in await store.attempts_of(later.delivery_id)] == [b""]


async def test_the_files_of_a_jobs_input_go_with_it(store: Store) -> None:
    job = await an_ended_job(store, input_files=("input.png",))
    past = await store.files_past(before_ms=CUT, limit=100)
    assert past == (f"{job.job_id}.png", "input.png")


async def test_the_still_of_a_clip_goes_with_its_job(store: Store) -> None:
    job = await an_ended_job(store, still="still.jpg")
    past = await store.files_past(before_ms=CUT, limit=100)
    assert past == (f"{job.job_id}.png", "still.jpg")


async def test_old_attempts_go_and_their_delivery_stays(store: Store) -> None:
    await an_ended_job(store)
    old = await delivered(store)
    assert await prune(store, Kept.ATTEMPTS) == 1
    assert await store.attempts_of(old.delivery_id) == []
    assert (await store.ledger()).balances


async def test_an_ended_job_goes_with_all_that_it_owed_and_the_books_know(store: Store) -> None:
    job = await an_ended_job(store)
    delivery = await delivered(store)
    young = await an_ended_job(store, at=NEW)
    past = await store.files_past(before_ms=CUT, limit=100)
    assert past == (f"{job.job_id}.png",)
    step = await store.prune(Kept.JOBS, before_ms=CUT, limit=100)
    assert step.count == 1
    assert await store.files_past(before_ms=CUT, limit=100) == ()
    assert await prune(store, Kept.EVENTS) == 0  # its delivery is still there
    assert await prune(store, Kept.DELIVERIES) == 1
    assert await prune(store, Kept.EVENTS) == 1
    assert await store.get_job(job.job_id) is None
    assert await store.get_delivery(delivery.delivery_id) is None
    assert await store.attempts_of(delivery.delivery_id) == []
    assert await store.get_job(young.job_id) is not None
    ledger = await store.ledger("studio")
    assert ledger.balances
    assert ledger.accounts[0].jobs_pruned_count == 1
    assert ledger.accounts[0].deliveries_pruned_count == 1


async def test_what_is_not_over_stays_however_old_it_is_and_goes_once_it_is(store: Store) -> None:
    await store.submit(a_submission(a_job(created_at_ms=OLD, engine="other")))
    await an_ended_job(store)
    (waiting,) = await store.claim_due(now_ms=NEW, limit=1, limit_each=1, lease_until_ms=NEW)
    assert await prune(store, Kept.JOBS, limit=1) == 1
    assert await prune(store, Kept.DELIVERIES, limit=1) == 0
    assert await store.get_delivery(waiting.delivery_id) is not None
    assert await store.end_delivery(waiting, DeliveryStatus.CANCELLED, now_ms=OLD)
    assert await prune(store, Kept.DELIVERIES) == 1
    assert (await store.counts()).jobs == {"queued": 1}
    assert (await store.ledger()).balances


async def test_a_destination_to_which_nothing_goes_any_more_is_forgotten(store: Store) -> None:
    await an_ended_job(store)
    await delivered(store)
    assert await prune(store, Kept.DESTINATIONS) == 0
    await prune(store, Kept.DELIVERIES)
    assert await prune(store, Kept.DESTINATIONS) == 1
    await an_ended_job(store)
    assert (await delivered(store)).destination == "https://shop.example:443"


async def test_seqs_of_events_are_not_used_again(store: Store) -> None:
    await an_ended_job(store)
    await delivered(store)
    before = await store.last_event_seq("studio")
    await prune(store, Kept.JOBS)
    await prune(store, Kept.DELIVERIES)
    assert await prune(store, Kept.EVENTS) == 1
    await an_ended_job(store, at=NEW)
    assert await store.last_event_seq("studio") > before


@pytest.mark.parametrize(
    ("what", "days"), [(Kept.ANSWERS, 7), (Kept.ATTEMPTS, 30), (Kept.JOBS, 90), (Kept.EVENTS, 90)]
)
def test_what_is_kept_for_how_long(what: Kept, days: int) -> None:
    assert Retention().before_ms(what, now_ms=NEW) == NEW - days * 86_400_000
