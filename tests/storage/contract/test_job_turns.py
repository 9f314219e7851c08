"""Whose jobs are claimed next, on every store: workspaces in turn, and in each the most urgent."""

from __future__ import annotations

import asyncio

from ringback.jobs.admission import Limits
from ringback.jobs.model import Job
from ringback.jobs.store import JobFilter
from ringback.storage.contract import Store
from tests.builders import ROOMY, a_job, a_submission, open_workspaces
from tests.storage.contract.test_store import claim, ending


async def submitted(store: Store, workspace: str, *, count: int = 1, priority: int = 0) -> None:
    jobs = [a_job(workspace_id=workspace, priority=priority) for _ in range(count)]
    await asyncio.gather(*(store.submit(a_submission(job, limits=ROOMY)) for job in jobs))


def whose(jobs: list[Job]) -> list[str]:
    return [job.workspace_id for job in jobs]


async def test_a_workspace_with_a_long_queue_does_not_delay_anothers_first_job(
    store: Store,
) -> None:
    await submitted(store, "rival", count=300)
    await submitted(store, "studio")
    first, second = await claim(store, 1), await claim(store, 1)
    assert sorted(whose(first + second)) == ["rival", "studio"]


async def test_a_claim_of_several_takes_the_same_share_of_each_workspace(store: Store) -> None:
    await submitted(store, "rival", count=300)
    await submitted(store, "studio", count=5)
    assert sorted(whose(await claim(store, 6))) == ["rival"] * 3 + ["studio"] * 3
    # An odd one goes to each in turn.
    assert sorted(whose(await claim(store, 1) + await claim(store, 1))) == ["rival", "studio"]


async def test_a_claim_is_filled_by_the_claims_that_follow_it(store: Store) -> None:
    await submitted(store, "rival", count=9)
    await submitted(store, "studio")
    claimed = [job for _ in range(6) for job in await claim(store, 8)]
    assert sorted(whose(claimed)) == ["rival"] * 9 + ["studio"]


async def test_of_a_workspaces_jobs_the_most_urgent_is_claimed_first(store: Store) -> None:
    for priority in (0, -10, 10, 0, 3):
        await submitted(store, "studio", priority=priority)
    claimed = [job for _ in range(5) for job in await claim(store, 1)]
    assert [job.priority for job in claimed] == [10, 3, 0, 0, -10]
    assert claimed[2].job_id < claimed[3].job_id


async def test_several_claimed_at_once_come_most_urgent_first(store: Store) -> None:
    for priority in (1, 2, 3):
        await submitted(store, "studio", priority=priority)
    assert [job.priority for job in await claim(store)] == [3, 2, 1]


async def test_of_backlogged_jobs_the_most_urgent_joins_the_queue_first(store: Store) -> None:
    limits = Limits(active_max=1, backlog_max=5)
    jobs = [a_job(priority=priority) for priority in (0, 0, 5)]
    for job in jobs:
        await store.submit(a_submission(job, limits=limits))
    (held,) = await claim(store)
    await store.end_job(ending(held, limits=limits))
    assert [job.job_id for job in await claim(store)] == [jobs[2].job_id]


async def test_a_workspace_that_has_no_room_is_passed_over_whatever_it_has_queued(
    store: Store,
) -> None:
    await open_workspaces(store, "zoo")
    await submitted(store, "rival", count=300)
    await submitted(store, "studio", count=3)
    await submitted(store, "zoo")
    claimed = await store.claim_jobs(
        engine="null", limit=4, worker_id="w", lease_until_ms=2**40, full=["rival"], each_max=1
    )
    assert sorted(whose(claimed)) == ["studio", "zoo"]
    again = await store.claim_jobs(
        engine="null", limit=4, worker_id="w", lease_until_ms=2**40, full=["rival", "zoo"]
    )
    assert whose(again) == ["studio"] * 2


async def test_jobs_that_are_passed_over_stay_and_hold_up_nobody(store: Store) -> None:
    await submitted(store, "rival", count=2)
    stays = [job.job_id for job in await store.list_jobs(JobFilter(workspace_id="rival", limit=9))]
    await submitted(store, "studio", count=2)
    claimed = [
        job
        for _ in range(4)
        for job in await store.claim_jobs(
            engine="null", limit=1, worker_id="w", lease_until_ms=2**40, passed_over=stays
        )
    ]
    assert whose(claimed) == ["studio"] * 2
    assert sorted(job.job_id for job in await claim(store)) == sorted(stays)
