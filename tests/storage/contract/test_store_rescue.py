"""A server that starts alone on its data gives back the work of its predecessor."""

from __future__ import annotations

from msgspec.structs import replace

from ringback.jobs.admission import Limits
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.contract import Store
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery
from ringback.webhooks.outbox import AttemptRecord, Ending
from tests.builders import a_job, a_submission, an_event

NOW = 1_800_000_000_000
PAUSE_MS = 5_000
EVERY_LEASE_MS = 2**53


async def claim_due(store: Store, *, at: int) -> list[Delivery]:
    return await store.claim_due(now_ms=at, limit=9, limit_each=9, lease_until_ms=at + 60_000)


async def test_a_probe_that_a_dead_server_had_out_is_sent_again_at_once(store: Store) -> None:
    await store.submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
    (job,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=NOW)
    after = advance(job, JobEvent.COMPLETE, now_ms=NOW)
    event = an_event(after, created_at_ms=NOW)
    assert await store.end_job(Ending(before=job, after=after, limits=Limits(), event=event))
    (claimed,) = await claim_due(store, at=NOW)
    failed = AttemptRecord(
        delivery=replace(claimed, attempts_count=1, next_attempt_at_ms=NOW, reason="status"),
        attempt=Attempt(number=1, started_at_ms=NOW, duration_ms=1, reason="status"),
        healthy=False,
        now_ms=NOW,
        breaker=BreakerSettings(failures_max=1, pause_s=PAUSE_MS / 1000),
        failing=FailingSettings(),
    )
    assert (await store.record_attempt(failed)).paused
    assert len(await claim_due(store, at=NOW + PAUSE_MS)) == 1
    started_ms = NOW + PAUSE_MS + 1
    assert await store.rescue_deliveries(leases_until_ms=EVERY_LEASE_MS, now_ms=started_ms) == 1
    assert len(await claim_due(store, at=started_ms)) == 1
