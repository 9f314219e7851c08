"""A clock that is set: on every store, waits keep their length."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ringback.jobs.admission import Limits
from ringback.jobs.store import Idempotency
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.contract import Store
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery
from ringback.webhooks.outbox import AttemptRecord, Ending
from tests.builders import a_job, a_submission, an_event

NOW = 1_800_000_000_000
DAY_MS = 24 * 3600 * 1000
WAIT_MS = 60_000


async def claim_due(store: Store, *, at: int) -> list[Delivery]:
    return await store.claim_due(now_ms=at, limit=9, limit_each=9, lease_until_ms=at + 40_000)


async def a_delivery_that_failed(store: Store, *, pause_s: float = 300) -> None:
    """Leave a delivery that is to be tried again after a minute, or when its pause is over."""
    await store.submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
    (job,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=NOW)
    after = advance(job, JobEvent.COMPLETE, now_ms=NOW)
    event = an_event(after, created_at_ms=NOW)
    await store.end_job(Ending(before=job, after=after, limits=Limits(), event=event))
    (claimed,) = await claim_due(store, at=NOW)
    again_ms = NOW + WAIT_MS
    failed = replace(claimed, attempts_count=1, round_attempts_count=1, next_attempt_at_ms=again_ms)
    recording = AttemptRecord(
        delivery=replace(failed, reason="status"),
        attempt=Attempt(number=1, started_at_ms=NOW, duration_ms=1, reason="status"),
        healthy=False,
        now_ms=NOW,
        breaker=BreakerSettings(failures_max=1 if pause_s < 300 else 9, pause_s=pause_s),
        failing=FailingSettings(),
    )
    await store.record_attempt(recording)


@pytest.mark.parametrize("back_ms", [30_000, 3 * DAY_MS])
async def test_after_the_clock_was_set_back_a_delivery_waits_for_no_longer(
    store: Store, back_ms: int
) -> None:
    await a_delivery_that_failed(store)
    now = NOW - back_ms
    await store.move_times(-back_ms, now_ms=now)
    assert await claim_due(store, at=now + WAIT_MS - 1) == []
    assert len(await claim_due(store, at=now + WAIT_MS)) == 1


async def test_after_the_clock_was_set_back_a_paused_destination_waits_for_no_longer(
    store: Store,
) -> None:
    await a_delivery_that_failed(store, pause_s=90)
    now = NOW - DAY_MS
    await store.move_times(-DAY_MS, now_ms=now)
    assert await claim_due(store, at=now + 60_000) == []
    assert len(await claim_due(store, at=now + 135_000)) == 1


async def test_after_the_clock_was_set_back_leases_end_when_they_were_to(store: Store) -> None:
    await store.submit(a_submission(a_job()))
    until = NOW + 15_000
    await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=until)
    await store.move_times(-DAY_MS, now_ms=NOW - DAY_MS)
    assert await store.expired_jobs(now_ms=until - DAY_MS - 1, limit=9) == []
    assert len(await store.expired_jobs(now_ms=until - DAY_MS, limit=9)) == 1


async def test_after_the_clock_was_set_back_no_destination_is_due_later_than_its_deliveries(
    store: Store,
) -> None:
    await a_delivery_that_failed(store)
    await store.submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
    (job,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=NOW)
    after = advance(job, JobEvent.COMPLETE, now_ms=NOW)
    event = an_event(after, created_at_ms=NOW)
    await store.end_job(Ending(before=job, after=after, limits=Limits(), event=event))
    # One is due at the very time to which the clock is set, the other at a later one.
    await store.move_times(-2 * WAIT_MS, now_ms=NOW)
    assert (await store.ledger()).balances
    assert len(await claim_due(store, at=NOW)) == 2


async def test_what_is_due_stays_due(store: Store) -> None:
    await a_delivery_that_failed(store)
    now = NOW + WAIT_MS + 1
    await store.move_times(-1_000, now_ms=now)
    assert len(await claim_due(store, at=now)) == 1


@pytest.mark.parametrize("by_ms", [-3 * DAY_MS, -30_000, 3 * DAY_MS])
async def test_keys_are_as_old_after_the_clock_was_set_as_before(store: Store, by_ms: int) -> None:
    first = a_submission(a_job(created_at_ms=NOW), key="k")
    await store.submit(first)
    await store.move_keys(by_ms)
    now = NOW + by_ms
    assert await store.last_written_ms() >= NOW
    assert await store.forget_keys(used_before_ms=now, limit=9) == 0
    key = Idempotency(key="k", fingerprint="a", kept_since_ms=now)
    again = replace(a_submission(a_job(created_at_ms=now)), idempotency=key)
    assert (await store.submit(again)).job.job_id == first.job.job_id
    assert await store.forget_keys(used_before_ms=now + 1, limit=9) == 1


async def test_a_store_in_which_nothing_was_written_says_so(store: Store) -> None:
    assert await store.last_written_ms() == 0
