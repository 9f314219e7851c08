"""Listeners on every store: endpoints whose deliveries a program takes."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ringback.jobs.model import Job, JobResult
from ringback.jobs.transitions import JobEvent, advance
from ringback.signing.rotation import endpoint_owner
from ringback.storage.contract import Store
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import Endpoint, FailingSettings
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Ending
from tests.builders import ROOMY, a_job, a_key, a_listener, a_submission, an_endpoint, an_event

NOW = 1_900_000_000_000
LEASE = NOW + 60_000


async def claim(
    store: Store, listener: Endpoint | None = None, *, limit: int = 100, now_ms: int = NOW
) -> list[Delivery]:
    lease_until_ms = now_ms + LEASE - NOW
    return await store.claim_due(
        now_ms=now_ms, limit=limit, limit_each=8, lease_until_ms=lease_until_ms, listener=listener
    )


async def listen(store: Store, name: str = "ed", **changes: str) -> Endpoint:
    opened = await store.open_listener(a_listener(name, **changes), a_key(), limit=10)
    assert opened is not None
    return opened


async def end_a_job(store: Store, workspace_id: str = "studio") -> Job:
    await store.submit(a_submission(a_job(workspace_id=workspace_id)))
    (job,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=LEASE)
    after = advance(job, JobEvent.COMPLETE, now_ms=NOW, result=JobResult(urls=("http://x/a.png",)))
    event = an_event(after, created_at_ms=2)
    assert await store.end_job(Ending(before=job, after=after, limits=ROOMY, event=event))
    return after


def recording(delivery: Delivery, *, status_code: int) -> AttemptRecord:
    """The record of an attempt with that answer, under a quick breaker."""
    fine = status_code == 204
    after = replace(
        delivery,
        attempts_count=1,
        round_attempts_count=1,
        status=DeliveryStatus.DELIVERED if fine else DeliveryStatus.WAITING,
        reason=None if fine else "status",
        next_attempt_at_ms=None if fine else NOW + 9,
        ended_at_ms=NOW if fine else None,
    )
    return AttemptRecord(
        delivery=after,
        attempt=Attempt(
            number=1,
            started_at_ms=NOW,
            duration_ms=1,
            status_code=status_code,
            reason=after.reason,
        ),
        healthy=fine,
        now_ms=NOW,
        breaker=BreakerSettings(failures_max=1),
        failing=FailingSettings(),
    )


async def fail(store: Store, delivery: Delivery) -> bool:
    """Record an attempt that the receiver refused with 500, for good."""
    return (await store.record_attempt(recording(delivery, status_code=500))).written


async def test_a_listener_reads_as_it_was_written(store: Store) -> None:
    listener = a_listener("ed@laptop", heard_at_ms=7)
    assert await store.open_listener(listener, a_key(), limit=1) == listener
    assert await store.get_endpoint(listener.endpoint_id) == listener
    heard = replace(listener, heard_at_ms=8)
    assert await store.change_endpoint(heard, before=listener, now_ms=NOW)
    assert await store.list_endpoints("studio") == [heard]


async def test_of_a_listener_there_is_one_however_many_open_it_at_once(store: Store) -> None:
    listeners = [a_listener("ed") for _ in range(9)]
    opened = await asyncio.gather(
        *(store.open_listener(one, a_key(), limit=10) for one in listeners)
    )
    assert len({one.endpoint_id for one in opened if one is not None}) == 1
    (kept,) = await store.list_endpoints("studio")
    assert set(opened) == {kept}
    assert len(await store.keys_of(endpoint_owner(kept.endpoint_id))) == 1
    others = [one for one in listeners if one != kept]
    assert [await store.keys_of(endpoint_owner(one.endpoint_id)) for one in others] == [[]] * 8


async def test_listeners_of_one_name_in_two_workspaces_are_two(store: Store) -> None:
    mine, theirs = await listen(store), await listen(store, workspace_id="rival")
    assert mine.endpoint_id != theirs.endpoint_id
    await end_a_job(store)
    assert await claim(store, theirs) == []
    (delivery,) = await claim(store, mine)
    assert (delivery.workspace_id, delivery.endpoint_id) == ("studio", mine.endpoint_id)


async def test_a_listener_counts_as_an_endpoint_and_beyond_the_limit_there_is_none(
    store: Store,
) -> None:
    await store.add_endpoint(an_endpoint(), a_key(), limit=1)
    assert await store.open_listener(a_listener(), a_key(), limit=1) is None
    assert await store.open_listener(a_listener(), a_key(), limit=2) is not None
    assert await store.open_listener(a_listener(), a_key(), limit=2) is not None
    assert await store.open_listener(a_listener("eve"), a_key(), limit=2) is None


async def test_dispatchers_pass_over_what_waits_for_a_listener_and_do_not_wait_for_it(
    store: Store,
) -> None:
    listener = await listen(store)
    job = await end_a_job(store)
    assert await claim(store) == []
    assert await store.next_due_ms() is None
    (delivery,) = await claim(store, listener)
    assert (delivery.job_id, delivery.url) == (job.job_id, listener.url)
    assert delivery.epoch == 1
    assert await store.is_held(delivery)
    assert await claim(store, listener) == []


async def test_a_listener_is_handed_what_is_its_own_alone(store: Store) -> None:
    await store.add_endpoint(an_endpoint(), a_key(), limit=9)
    ed, eve = await listen(store, "ed"), await listen(store, "eve")
    await end_a_job(store)
    assert [one.endpoint_id for one in await claim(store, eve)] == [eve.endpoint_id]
    assert [one.url for one in await claim(store)] == ["https://shop.example/all"]
    assert [one.endpoint_id for one in await claim(store, ed)] == [ed.endpoint_id]


async def test_two_programs_of_one_listener_are_never_handed_the_same(store: Store) -> None:
    listener = await listen(store)
    for _ in range(10):
        await end_a_job(store)
    claims = await asyncio.gather(*(claim(store, listener, limit=3) for _ in range(6)))
    ids = [one.delivery_id for taken in claims for one in taken]
    assert len(ids) == len(set(ids)) == 10
    assert max(map(len, claims)) == 3


async def test_what_a_listener_had_in_hand_comes_again_after_its_lease(store: Store) -> None:
    listener = await listen(store)
    await end_a_job(store)
    (first,) = await claim(store, listener)
    assert await store.rescue_deliveries(leases_until_ms=LEASE, now_ms=LEASE) == 1
    (again,) = await claim(store, listener)
    assert again.delivery_id == first.delivery_id
    assert not await fail(store, first)
    assert await fail(store, again)


async def test_a_server_that_starts_anew_takes_nothing_out_of_a_programs_hands(
    store: Store,
) -> None:
    listener = await listen(store)
    await store.add_endpoint(an_endpoint(), a_key(), limit=10)
    await end_a_job(store)
    (handed,) = await claim(store, listener)
    (posted,) = await claim(store)
    assert await store.rescue_deliveries(leases_until_ms=2**53, now_ms=NOW) == 1
    assert await store.is_held(handed)
    assert not await store.is_held(posted)
    assert await store.rescue_deliveries(leases_until_ms=2**53, now_ms=LEASE) == 1
    assert not await store.is_held(handed)


async def test_of_two_answers_at_once_one_is_recorded_whole(store: Store) -> None:
    listener = await listen(store)
    await end_a_job(store)
    (handed,) = await claim(store, listener)
    logged = [recording(handed, status_code=code) for code in (204, 500)]
    recorded = await asyncio.gather(*map(store.record_attempt, logged))
    (winner,) = [one for one, done in zip(logged, recorded, strict=True) if done.written]
    (attempt,) = await store.attempts_of(handed.delivery_id)
    after = await store.get_delivery(handed.delivery_id)
    assert after is not None
    assert attempt.status_code == winner.attempt.status_code
    assert (after.status, after.reason) == (winner.delivery.status, winner.delivery.reason)


async def test_a_listener_that_fails_is_paused_as_any_destination_is(store: Store) -> None:
    listener = await listen(store)
    for _ in range(2):
        await end_a_job(store)
    (first,) = await claim(store, listener, limit=1)
    assert await fail(store, first)
    destination = await store.get_destination("studio", listener.destination)
    assert destination is not None
    assert not destination.breaker.is_closed
    assert await claim(store, listener) == []
    await store.pause_destination(destination.destination_id, paused_at_ms=NOW)
    later = NOW + 3_600_000
    assert await claim(store, listener, now_ms=later) == []
    await store.pause_destination(destination.destination_id, paused_at_ms=None)
    assert len(await claim(store, listener, now_ms=later)) == 1


async def test_listeners_that_were_not_heard_of_are_found_longest_silent_first(
    store: Store,
) -> None:
    old, older = await listen(store, "old"), await listen(store, "older")
    for listener, heard_at_ms in ((old, 20), (older, 10)):
        heard = replace(listener, heard_at_ms=heard_at_ms)
        assert await store.change_endpoint(heard, before=listener, now_ms=NOW)
    names = [one.listener for one in await store.unheard_listeners(before_ms=21, limit=9)]
    assert names == ["older", "old"]
    (first,) = await store.unheard_listeners(before_ms=21, limit=1)
    disabled = replace(first, disabled_at_ms=NOW, disabled_reason="unheard")
    assert await store.change_endpoint(disabled, before=first, now_ms=NOW)
    (left,) = await store.unheard_listeners(before_ms=21, limit=9)
    assert left.listener == "old"
    assert await store.unheard_listeners(before_ms=20, limit=9) == []


async def test_the_books_balance_with_deliveries_that_wait_for_listeners(store: Store) -> None:
    listener = await listen(store)
    for _ in range(3):
        await end_a_job(store)
    (held,) = await claim(store, listener, limit=1)
    await fail(store, held)
    assert (await store.ledger()).balances
