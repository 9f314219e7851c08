"""Budgets and usage, on every store: counted once, with the end, and looked at before a start."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from ringback.errors import BudgetSpent
from ringback.jobs.budget import Budget, Period, Usage, UsageQuery, day_of, month_of
from ringback.jobs.model import Job, JobStatus
from ringback.storage.contract import Store
from ringback.storage.retention import Kept
from tests.builders import a_job, a_submission
from tests.storage.contract.test_store import claim, ending

AT_MS = 1_800_000_000_000  # 2027-01-15
TODAY = day_of(AT_MS)


async def complete(
    store: Store, status: JobStatus = JobStatus.COMPLETED, *, at_ms: int = AT_MS, **about: object
) -> Job:
    """Submit, claim and end a job."""
    await store.submit(a_submission(a_job(**about)))
    (job,) = await claim(store)
    end = ending(job)
    after = replace(end.after, status=status, completed_at_ms=at_ms)
    assert await store.end_job(replace(end, after=after))
    return job


def all_of(workspace_id: str, **changes: object) -> UsageQuery:
    known = {
        "workspace_id": workspace_id,
        "first_day": 0,
        "last_day": 10**6,
        "by_day": False,
        "by_model": False,
        "by_token": False,
        "limit": 100,
    }
    return UsageQuery(**{**known, **changes})  # type: ignore[arg-type]


async def total(store: Store, workspace_id: str = "studio") -> tuple[int, float]:
    found = await store.usage(all_of(workspace_id))
    return (found[0].jobs_count, found[0].compute_units) if found else (0, 0.0)


async def test_completed_jobs_alone_are_counted(store: Store) -> None:
    await complete(store, compute_units=2.5)
    await complete(store, JobStatus.FAILED, compute_units=100.0)
    await complete(store, JobStatus.CANCELLED, compute_units=100.0)
    await complete(store)
    assert await total(store) == (2, 2.5)
    assert await total(store, "rival") == (0, 0.0)


async def test_a_job_that_two_workers_end_is_counted_once(store: Store) -> None:
    await store.submit(a_submission(a_job(compute_units=2.5)))
    (lost,) = await claim(store)
    assert await store.requeue_job(replace(lost, status=JobStatus.QUEUED, deaths=1))
    (job,) = await claim(store)
    ends = [store.end_job(ending(one)) for one in (lost, job, job, lost)]
    assert sorted(await asyncio.gather(*ends)) == [False, False, False, True]
    assert (await total(store))[1] == 2.5


async def test_many_ends_at_once_are_all_counted(store: Store) -> None:
    assert await store.put_budget(a_budget(compute_units=1000), now_ms=AT_MS)
    for _ in range(30):
        await store.submit(a_submission(a_job(compute_units=1.0, token_id="t")))
    jobs = await claim(store, 30)
    await asyncio.gather(*(store.end_job(ending(job)) for job in jobs))
    assert await total(store) == (30, 30.0)
    (budget,) = await store.budgets_of("studio")
    assert budget.spent == 30


def a_budget(**changes: object) -> Budget:
    known = {"workspace_id": "studio", "compute_units": 10.0, "period": Period.TOTAL}
    return Budget(**{**known, **changes})  # type: ignore[arg-type]


async def test_usage_is_told_apart_by_day_model_and_token(store: Store) -> None:
    day_ms = 86_400_000
    await complete(store, compute_units=1.0, token_id="a")
    await complete(store, compute_units=2.0, token_id="b", at_ms=AT_MS + day_ms)
    await complete(store, compute_units=4.0, token_id="a", kind="video", model="x/y")
    await complete(store, compute_units=8.0)
    flux, other = "image/bfl/flux-1-dev", "video/x/y"
    assert [(one.day, one.compute_units) for one in await store.usage(_by(day=True))] == [
        (TODAY, 13.0),
        (TODAY + 1, 2.0),
    ]
    assert [(one.model, one.compute_units) for one in await store.usage(_by(model=True))] == [
        (flux, 11.0),
        (other, 4.0),
    ]
    assert [(one.token_id, one.compute_units) for one in await store.usage(_by(token=True))] == [
        ("", 8.0),
        ("a", 5.0),
        ("b", 2.0),
    ]
    everything = await store.usage(_by(day=True, model=True, token=True))
    assert everything[0] == Usage(
        day=TODAY, model=flux, token_id="", jobs_count=1, compute_units=8.0
    )
    assert len(everything) == 4
    assert len(await store.usage(_by(day=True, model=True, token=True, limit=3))) == 3
    one_day = all_of("studio", first_day=TODAY + 1, last_day=TODAY + 1)
    assert [one.compute_units for one in await store.usage(one_day)] == [2.0]


def _by(
    *, day: bool = False, model: bool = False, token: bool = False, limit: int = 100
) -> UsageQuery:
    return all_of("studio", by_day=day, by_model=model, by_token=token, limit=limit)


async def test_a_spent_budget_refuses_what_costs_and_lets_others_in(store: Store) -> None:
    assert await store.put_budget(a_budget(compute_units=3), now_ms=AT_MS)
    for _ in range(2):
        # What was accepted runs to its end, also beyond the budget.
        await store.submit(a_submission(a_job(compute_units=2.0)))
    keyed = await store.submit(a_submission(a_job(compute_units=2.0), key="k"))
    for job in await claim(store, 3):
        assert await store.end_job(ending(job))
    assert (await total(store))[1] == 6
    with pytest.raises(BudgetSpent, match="workspace's budget of 3 compute units is spent"):
        await store.submit(a_submission(a_job(compute_units=0.1)))
    await store.submit(a_submission(a_job(compute_units=0.0)))
    await store.submit(a_submission(a_job(workspace_id="rival", compute_units=2.0)))
    again = await store.submit(a_submission(a_job(compute_units=2.0), key="k"))
    assert (again.replayed, again.job.job_id) == (True, keyed.job.job_id)
    assert await store.put_budget(a_budget(compute_units=7), now_ms=AT_MS)
    await store.submit(a_submission(a_job(compute_units=2.0)))


async def test_a_tokens_budget_is_its_own(store: Store) -> None:
    await complete(store, compute_units=4.0, token_id="a")
    assert await store.put_budget(a_budget(compute_units=4, token_id="a"), now_ms=AT_MS)
    with pytest.raises(BudgetSpent, match="token's budget of 4"):
        await store.submit(a_submission(a_job(compute_units=1.0, token_id="a")))
    await store.submit(a_submission(a_job(compute_units=1.0, token_id="b")))
    await store.submit(a_submission(a_job(compute_units=1.0)))


async def test_a_new_budget_counts_what_its_period_has_spent(store: Store) -> None:
    month_ms = 40 * 86_400_000
    await complete(store, compute_units=5.0, token_id="a", at_ms=AT_MS - month_ms)
    await complete(store, compute_units=2.0, token_id="a")
    await complete(store, compute_units=1.0, token_id="b")
    for budget in (
        a_budget(),
        a_budget(token_id="a"),
        a_budget(token_id="b", period=Period.MONTH),
    ):
        assert await store.put_budget(budget, now_ms=AT_MS)
    assert [(one.token_id, one.spent) for one in await store.budgets_of("studio")] == [
        ("", 8.0),
        ("a", 7.0),
        ("b", 1.0),
    ]
    assert await store.put_budget(a_budget(period=Period.MONTH), now_ms=AT_MS)
    (monthly, *_) = await store.budgets_of("studio")
    assert (monthly.spent, monthly.month) == (3.0, month_of(AT_MS))


async def test_a_budget_that_is_removed_refuses_no_more(store: Store) -> None:
    assert await store.put_budget(a_budget(compute_units=0), now_ms=AT_MS)
    with pytest.raises(BudgetSpent):
        await store.submit(a_submission(a_job(compute_units=1.0)))
    assert await store.drop_budget("studio", "")
    assert not await store.drop_budget("studio", "")
    await store.submit(a_submission(a_job(compute_units=1.0)))
    assert await store.budgets_of("studio") == []


async def test_a_budget_of_no_workspace_is_not_kept(store: Store) -> None:
    assert not await store.put_budget(a_budget(workspace_id="nobody"), now_ms=AT_MS)
    assert await store.budgets_of("nobody") == []


async def test_what_is_pruned_stays_counted(store: Store) -> None:
    job = await complete(store, compute_units=2.5)
    for _ in range(10):
        await store.prune(Kept.JOBS, before_ms=AT_MS * 2, limit=100)
    assert await store.get_job(job.job_id) is None
    assert await total(store) == (1, 2.5)
