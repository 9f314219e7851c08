"""Every store keeps versions of node apps and the steps of their runs."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from ringback.errors import RunOver, TooManyApps
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.store import StepSubmission
from ringback.jobs.transitions import JobEvent, advance
from ringback.node_apps.model import AppVersion
from ringback.storage.contract import Store
from ringback.storage.retention import Kept
from ringback.webhooks.outbox import Ending
from tests.builders import ROOMY, a_job, a_submission, an_event

MANY = 100
NARROW = Limits(active_max=2, backlog_max=5)
OLD = 1_000
LATE = 2_000
LATER = 5_000


def a_version(number: int = 1, **changes: object) -> AppVersion:
    """Return a version of an app as it is pushed; the test names the fields that matter."""
    version = AppVersion(
        version_id=f"01a20ed7-0000-7000-8000-{number:012d}",
        app_id=f"01a20ed7-1111-7000-8000-{number:012d}",
        workspace_id="studio",
        slug="foxes",
        name="Foxes",
        description="Füchse\nim Schnee",
        version=1,
        digest=f"digest {number}",
        definition='{"name": "Foxes"}',
        created_at_ms=1_800_000_000_000 + number,
        app_created_at_ms=1_800_000_000_000 + number,
    )
    return replace(version, **changes)


async def push(store: Store, version: AppVersion, *, versions_max: int = MANY) -> AppVersion:
    return await store.push_app(version, versions_max=versions_max)


async def a_run(store: Store, *, limits: Limits = ROOMY, at_ms: int | None = None) -> Job:
    job = a_job(kind="app", engine="apps", type="nodeApp")
    job = job if at_ms is None else replace(job, created_at_ms=at_ms)
    return (await store.submit(a_submission(job, limits=limits))).job


def a_step(run: Job, name: str = "first", **changes: object) -> Job:
    return replace(a_job(run_id=run.job_id, step=name), **changes)


async def begin(store: Store, step: Job, *, limits: Limits = ROOMY) -> Job | None:
    return await store.submit_step(StepSubmission(job=step, limits=limits))


async def end(store: Store, job: Job, *, at_ms: int = LATER, urls: tuple[str, ...] = ()) -> None:
    now = await store.get_job(job.job_id)
    assert now is not None
    after = advance(now, JobEvent.CANCEL, now_ms=at_ms, result=JobResult(urls=urls))
    logged = an_event(now)
    assert await store.end_job(Ending(before=now, after=after, limits=ROOMY, event=logged))


async def test_a_version_is_kept_as_it_was_given(store: Store) -> None:
    version = a_version()
    assert await push(store, version) == version
    assert await store.get_app(version.version_id) == version
    assert await store.latest_app("studio", "foxes") == version
    assert await store.get_app("no-such-version") is None
    assert await store.latest_app("studio", "bears") is None
    assert await store.latest_app("rival", "foxes") is None


async def test_versions_of_an_app_are_numbered_and_stay_as_they_were(store: Store) -> None:
    first = await push(store, a_version(1))
    second = await push(store, a_version(2, name="Red foxes"))
    assert second == replace(
        a_version(2, name="Red foxes"),
        version=2,
        app_id=first.app_id,
        app_created_at_ms=first.app_created_at_ms,
    )
    assert await store.get_app(first.version_id) == first
    assert await store.latest_app("studio", "foxes") == second


async def test_pushing_the_latest_again_makes_no_other_version(store: Store) -> None:
    first = await push(store, a_version(1))
    assert await push(store, a_version(2, digest=first.digest)) == first
    second = await push(store, a_version(3))
    assert (await push(store, a_version(4, digest=first.digest))).version == 3
    assert second.version == 2


async def test_of_many_pushes_at_once_every_version_has_its_number(store: Store) -> None:
    pushed = await asyncio.gather(*(push(store, a_version(number)) for number in range(1, 9)))
    assert sorted(version.version for version in pushed) == list(range(1, 9))
    assert len({version.app_id for version in pushed}) == 1


async def test_apps_are_listed_by_their_latest_versions_pushed_last_first(store: Store) -> None:
    await push(store, a_version(1))
    bears = await push(store, a_version(2, slug="bears"))
    foxes = await push(store, a_version(3))
    await push(store, a_version(4, workspace_id="rival"))
    foxes, bears = replace(foxes, definition=""), replace(bears, definition="")
    assert await store.list_apps("studio", before_id=None, limit=9) == [foxes, bears]
    assert await store.list_apps("studio", before_id=None, limit=1) == [foxes]
    below = foxes.version_id
    assert await store.list_apps("studio", before_id=below, limit=9) == [bears]


async def test_a_workspace_keeps_so_many_versions(store: Store) -> None:
    await push(store, a_version(1), versions_max=1)
    with pytest.raises(TooManyApps, match="1 versions"):
        await push(store, a_version(2), versions_max=1)
    await push(store, a_version(3, workspace_id="rival"), versions_max=1)


async def test_a_step_becomes_a_job_once(store: Store) -> None:
    run = await a_run(store)
    requested = [a_step(run) for _ in range(6)]
    begun = await asyncio.gather(*(begin(store, step) for step in requested))
    assert len({job.job_id for job in begun if job is not None}) == 1
    (kept,) = await store.steps_of(run.job_id)
    assert kept in requested
    assert (kept.run_id, kept.step, kept.status) == (run.job_id, "first", JobStatus.QUEUED)
    assert (await store.ledger()).balances


async def test_steps_are_claimed_like_any_job(store: Store) -> None:
    run = await a_run(store)
    step = await begin(store, a_step(run))
    claimed = await store.claim_jobs(engine="null", limit=5, worker_id="w", lease_until_ms=LATER)
    assert step is not None
    assert [job.job_id for job in claimed] == [step.job_id]
    assert claimed[0].run_id == run.job_id


async def test_a_runs_first_step_stands_in_the_runs_own_place(store: Store) -> None:
    run = await a_run(store, limits=NARROW)
    other = await a_run(store, limits=NARROW)
    waiting = (await store.submit(a_submission(limits=NARROW))).job
    assert waiting.status is JobStatus.BACKLOGGED
    for one in (run, other):
        assert await begin(store, a_step(one), limits=NARROW) is not None
        assert await begin(store, a_step(one, "second"), limits=NARROW) is None
    (first,) = await store.steps_of(run.job_id)
    await end(store, first)
    assert await begin(store, a_step(run, "second"), limits=NARROW) is not None
    assert (await store.ledger()).balances


async def test_a_step_beside_another_needs_a_free_place_and_overtakes_nobody(store: Store) -> None:
    run = await a_run(store, limits=Limits(active_max=3, backlog_max=5))
    three = Limits(active_max=3, backlog_max=5)
    assert await begin(store, a_step(run, "a"), limits=three) is not None
    assert await begin(store, a_step(run, "b"), limits=three) is not None
    assert await begin(store, a_step(run, "c"), limits=three) is None
    late = (await store.submit(a_submission(limits=three))).job
    assert late.status is JobStatus.BACKLOGGED


async def test_a_run_that_has_ended_begins_no_step(store: Store) -> None:
    run = await a_run(store)
    await end(store, run)
    with pytest.raises(RunOver):
        await begin(store, a_step(run))
    with pytest.raises(RunOver):
        await begin(store, a_step(a_job()))
    assert await store.steps_of(run.job_id) == []


async def test_steps_are_strays_once_their_run_has_ended(store: Store) -> None:
    run, other = await a_run(store), await a_run(store)
    done, left = await begin(store, a_step(run)), await begin(store, a_step(run, "second"))
    assert await begin(store, a_step(other)) is not None
    assert done is not None
    assert left is not None
    await end(store, done)
    assert await store.stray_steps(limit=9) == []
    await end(store, run)
    assert [job.job_id for job in await store.stray_steps(limit=9)] == [left.job_id]
    await end(store, left)
    assert await store.stray_steps(limit=9) == []


async def test_what_a_step_made_stays_for_as_long_as_its_run(store: Store) -> None:
    run = await a_run(store, at_ms=OLD)
    step = await begin(store, a_step(run, created_at_ms=OLD))
    assert step is not None
    await end(store, step, at_ms=OLD + 1, urls=(f"{step.base_url}/artifacts/a.png",))
    assert await prune(store, before_ms=LATE) == ()
    await end(store, run, at_ms=LATE)
    assert await prune(store, before_ms=LATE) == ()
    assert await store.get_job(step.job_id) is not None
    assert await prune(store, before_ms=LATE + 1) == ("a.png",)
    assert await store.get_job(step.job_id) is None
    assert await store.get_job(run.job_id) is None


async def test_an_asset_that_a_run_names_outlives_the_run(store: Store) -> None:
    run = await a_run(store, at_ms=OLD)
    asset, made = (f"{run.base_url}/artifacts/{name}" for name in ("asset.png", "a.png"))
    step = await begin(store, a_step(run, created_at_ms=OLD))
    assert step is not None
    await end(store, step, at_ms=OLD + 1, urls=(made,))
    await end(store, run, at_ms=OLD + 2, urls=(asset, made))
    assert await prune(store, before_ms=LATE) == ("a.png",)
    assert await store.get_job(run.job_id) is None


async def prune(store: Store, *, before_ms: int) -> tuple[str, ...]:
    """Prune jobs as the pruner does; return what files that is about."""
    names: tuple[str, ...] = ()
    for _ in range(4):
        names += await store.files_past(before_ms=before_ms, limit=50)
        await store.prune(Kept.JOBS, before_ms=before_ms, limit=50)
    return tuple(dict.fromkeys(names))
