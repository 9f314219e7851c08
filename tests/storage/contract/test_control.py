"""Leases, drained roles and figures for operators, on every store."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ringback.errors import RateLimited
from ringback.jobs.admission import Limits
from ringback.storage.contract import Store
from tests.builders import a_job, a_submission

NOW_MS = 1_700_000_000_000
SLOW = Limits(active_max=100, backlog_max=100, rate=2)


async def test_a_workspace_submits_no_faster_than_its_rate(store: Store) -> None:
    async def submit(at_ms: int, **changes: str) -> None:
        await store.submit(a_submission(a_job(created_at_ms=at_ms, **changes), limits=SLOW))

    for _ in range(2):
        await submit(NOW_MS)
    with pytest.raises(RateLimited, match="2 jobs a second") as refused:
        await submit(NOW_MS)
    assert refused.value.retry_after_s == 1
    await submit(NOW_MS, workspace_id="rival")
    await submit(NOW_MS + 500)
    with pytest.raises(RateLimited):
        await submit(NOW_MS + 500)
    assert (await store.ledger()).balances


async def test_a_replayed_submission_costs_no_rate(store: Store) -> None:
    for _ in range(9):
        job = a_job(created_at_ms=NOW_MS)
        await store.submit(replace(a_submission(job, key="k"), limits=SLOW))
    await store.submit(a_submission(a_job(created_at_ms=NOW_MS), limits=SLOW))


async def test_a_worker_of_some_models_is_handed_no_others(store: Store) -> None:
    for model in ("a/one", "b/two", "a/one", "c/three"):
        await store.submit(a_submission(a_job(model=model)))

    async def claimed(*models: str) -> list[str]:
        jobs = await store.claim_jobs(
            engine="null", limit=9, worker_id="w", lease_until_ms=NOW_MS, models=models
        )
        return [job.model for job in jobs]

    assert await claimed("a/one", "c/three") == ["a/one", "a/one", "c/three"]
    assert await claimed("a/one") == []
    assert await claimed() == ["b/two"]


async def test_one_leads_until_its_lease_is_over(store: Store) -> None:
    async def leads(holder: str, now_ms: int) -> bool:
        return await store.lead("x", holder=holder, now_ms=now_ms, until_ms=now_ms + 10)

    assert await leads("a", 100)
    assert not await leads("b", 105)
    assert await leads("a", 108)
    assert not await leads("b", 117)
    assert await leads("b", 118)
    assert not await leads("a", 119)
    assert await store.lead("y", holder="a", now_ms=119, until_ms=200)


async def test_a_role_is_drained_until_it_is_not(store: Store) -> None:
    for _ in range(2):
        await store.drain_role("worker", now_ms=1)
    await store.drain_role("dispatcher", now_ms=1)
    assert await store.drained_roles() == {"worker", "dispatcher"}
    await store.undrain_role("worker")
    await store.undrain_role("worker")
    assert await store.drained_roles() == {"dispatcher"}


async def test_it_is_known_what_waits_and_who_holds_what(store: Store) -> None:
    for at_ms in (5, 3):
        await store.submit(a_submission(a_job(created_at_ms=at_ms)))
    (queued,) = await store.queued()
    assert (queued.engine, queued.count, queued.oldest_at_ms) == ("null", 2, 3)
    (job,) = await store.claim_jobs(engine="null", limit=1, worker_id="w", lease_until_ms=70)
    (holder,) = await store.holders()
    assert (holder.worker_id, holder.jobs_count, holder.lease_until_ms) == ("w", 1, 70)
    (held,) = await store.held_jobs("w", limit=9)
    assert (held.job_id, held.epoch) == (job.job_id, job.epoch)
    assert await store.held_jobs("v", limit=9) == []
    due = await store.due_stats(now_ms=NOW_MS)
    assert (due.due_count, due.oldest_at_ms, due.held_count) == (0, None, 0)


async def test_tidying_up_changes_nothing(store: Store) -> None:
    await store.submit(a_submission())
    await store.maintain()
    assert (await store.ledger()).balances


async def test_a_worker_of_some_models_does_not_wait_at_workspaces_that_want_others(
    store: Store,
) -> None:
    for workspace_id, model in (("rival", "a/one"), ("studio", "b/two"), ("rival", "a/one")):
        await store.submit(a_submission(a_job(workspace_id=workspace_id, model=model)))
    (job,) = await store.claim_jobs(
        engine="null", limit=1, worker_id="w", lease_until_ms=NOW_MS, models=("b/two",)
    )
    assert (job.workspace_id, job.model) == ("studio", "b/two")
