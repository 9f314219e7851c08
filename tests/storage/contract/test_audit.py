"""The audit of every store: sums balance, and rows broken by hand are named."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ringback.jobs.model import JobResult
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.audit import RULES
from ringback.storage.contract import Store
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Ending
from tests.builders import ROOMY, a_job, a_submission, an_event
from tests.raw import raw

NOW = 1_800_000_000_000


async def a_history(store: Store) -> None:
    """One job of each kind: queued, held, ended and delivered, ended and waiting."""
    for _ in range(4):
        await store.submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
    held = await store.claim_jobs(engine="null", limit=3, worker_id="w", lease_until_ms=NOW)
    for job in held[:2]:
        after = advance(job, JobEvent.COMPLETE, now_ms=NOW, result=JobResult())
        event = an_event(job, created_at_ms=NOW)
        assert await store.end_job(Ending(before=job, after=after, limits=ROOMY, event=event))
    (claimed,) = await store.claim_due(now_ms=NOW, limit=1, limit_each=1, lease_until_ms=NOW)
    recording = AttemptRecord(
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
    assert (await store.record_attempt(recording)).written


async def test_the_books_balance_and_say_what_there_is(store: Store) -> None:
    await a_history(store)
    ledger = await store.ledger()
    assert ledger.balances
    accounts = {account.workspace_id: account for account in ledger.accounts}
    studio = accounts["studio"]
    assert (studio.accepted_count, studio.pending_count, studio.ended_count) == (4, 2, 2)
    assert studio.deliveries == {"delivered": 1, "waiting": 1}
    assert accounts["rival"].accepted_count == 0
    assert [one.workspace_id for one in (await store.ledger("rival")).accounts] == ["rival"]


SABOTAGE = {
    "end_without_delivery": "delete from deliveries where status = 'waiting'",
    "end_without_time": "update jobs set completed_at_ms = null where status = 'completed'",
    "end_that_is_held": "update jobs set lease_until_ms = 1 where status = 'completed'",
    "delivery_without_event": "delete from events where seq = 1",
    "delivered_without_2xx": "update attempts set status_code = 500",
    "waiting_for_nothing": (
        "update deliveries set next_attempt_at_ms = null where status = 'waiting'"
    ),
    "ended_and_due": "update deliveries set lease_until_ms = 1 where status = 'delivered'",
    "owed_twice": "update deliveries set event_seq = 1",
    "destination_overslept": "update destinations set next_due_at_ms = null",
    "job_in_no_status": "update jobs set status = 'done' where status = 'queued'",
    "delivery_in_no_status": "update deliveries set status = 'sent' where status = 'delivered'",
    "nobodys_job": "update jobs set workspace_id = 'ghost' where status = 'queued'",
    "nobodys_delivery": "update deliveries set workspace_id = 'ghost' where status = 'waiting'",
    "accepted": "update workspaces set accepted_count = accepted_count + 1",
    "owed": "update workspaces set owed_count = owed_count - 1",
    "backlogged": "update workspaces set backlogged_count = backlogged_count + 1",
    "active": "update workspaces set active_count = active_count + 1",
}


def test_every_rule_is_broken_by_one_of_the_tests() -> None:
    assert set(RULES) <= set(SABOTAGE)


@pytest.mark.parametrize("rule", SABOTAGE)
async def test_what_was_broken_by_hand_is_named(store: Store, rule: str) -> None:
    await a_history(store)
    await raw(store, SABOTAGE[rule])
    ledger = await store.ledger()
    assert not ledger.balances
    (fault, *_) = [fault for fault in ledger.faults if fault.rule == rule]
    assert fault.row
    assert fault.sentence


async def test_a_pruned_attempt_is_no_fault(store: Store) -> None:
    await a_history(store)
    await raw(store, "delete from attempts")
    assert (await store.ledger()).balances
