"""Runs of node apps: the real engine, worker and store; only the steps' engine is scripted."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.clock import SystemClock
from ringback.egress.policy import TargetPolicy
from ringback.engines.contract import Engine, EngineIO, EngineRequest, Made
from ringback.engines.node_apps.engine import AppsEngine
from ringback.errors import EngineError, RunOver
from ringback.files.artifacts.local import LocalArtifacts
from ringback.files.artifacts.own_urls import OwnUrls
from ringback.ids import Ids
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobStatus
from ringback.jobs.transitions import JobEvent, advance
from ringback.maintenance.rescuer import Rescuer
from ringback.node_apps.model import AppVersion
from ringback.service import GenerationRequest, JobService
from ringback.service.media_inputs import MediaInputs
from ringback.service.node_app_runs import NodeAppRunService
from ringback.service.node_apps import NodeAppService
from ringback.service.request_files import RequestFiles
from ringback.storage.contract import Store
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeFetcher, RecordingIO, ScriptedEngine, never_ends
from ringback.wakeups import Wakeups
from ringback.webhooks.outbox import Ending
from ringback.worker import Slot, Worker
from tests.builders import ROOMY, a_request, an_event
from tests.media_files import picture

CATALOGUE = Catalogue.load().routed({"image/bfl/flux-1-dev": "null"})
FLUX = "image/bfl/flux-1-dev"
WEBHOOK_URL = "https://shop.example/webhook"


def a_step(*needs: str, model: str = FLUX) -> dict[str, Any]:
    """Return a step that needs what others make."""
    parts: list[Any] = ["a fox", *({"from": f"{name}.url"} for name in needs)]
    return {"model": model, "input": {"prompt": {"join": parts}}}


def an_app(**steps: dict[str, Any]) -> dict[str, Any]:
    """Return an app with these steps, each of whose URL is an output."""
    outputs = {name: {"from": f"{name}.url"} for name in steps}
    return {"name": "Foxes", "steps": steps, "outputs": outputs}


def prompt_of(request: EngineRequest) -> str:
    prompt: str = request.input["prompt"]
    return prompt


class AppWorld:
    """A store and what runs on it; a worker may die and another come."""

    def __init__(self, store: Store, directory: Path, *, active_max: int = 4) -> None:
        self.store = store
        self.clock = SystemClock()
        self.wakeups = Wakeups()
        self.artifacts = LocalArtifacts(directory / "artifacts")
        ids = Ids(self.clock.now_ms, Random(5).getrandbits)
        self.service = JobService(
            store,
            clock=self.clock,
            ids=ids,
            limits=Limits(active_max=active_max, backlog_max=50),
            wakeups=self.wakeups,
            files=RequestFiles(self.artifacts),
        )
        self.apps = NodeAppService(store, CATALOGUE, clock=self.clock, ids=ids)

    def media(self) -> MediaInputs:
        return MediaInputs(
            OwnUrls(("127.0.0.1",)),
            artifacts=self.artifacts,
            assets=self.store,
            policy=TargetPolicy.server(),
        )

    def runs(self) -> NodeAppRunService:
        return NodeAppRunService(
            self.service,
            self.store,
            self.store,
            lambda: CATALOGUE,
            media=self.media(),
            clock=self.clock,
        )

    def worker(self, engine: Engine, *, job_timeout_s: float = 60) -> Worker:
        runs = self.runs()
        return Worker(
            self.service,
            slots={
                "null": Slot(engine=engine, concurrency=8),
                "apps": Slot(engine=AppsEngine(runs), concurrency=8, waits=True),
            },
            artifacts=self.artifacts,
            fetcher=FakeFetcher(),
            clock=self.clock,
            wakeups=self.wakeups,
            worker_id="w1",
            lease_s=15,
            job_timeout_s=job_timeout_s,
        )

    @asynccontextmanager
    async def working(self, engine: Engine, **how: Any) -> AsyncIterator[Worker]:
        worker = self.worker(engine, **how)
        loop = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            await worker.drain(0.0)
            await loop

    async def push(self, document: dict[str, Any]) -> AppVersion:
        return await self.apps.push(document, workspace_id="studio")

    async def execute(
        self, document: dict[str, Any], inputs: dict[str, Any] | None = None, **changes: Any
    ) -> Job:
        execution = self.apps.take(self.apps.inputs(await self.push(document), inputs or {}))
        generation = GenerationRequest(
            workspace_id="studio",
            kind="app",
            model=execution.model.id,
            type="nodeApp",
            engine="apps",
            input=execution.valid.input,
            base_url="http://127.0.0.1:7464",
            **changes,
        )
        return (await self.service.submit(generation)).job

    async def ended(self, job: Job) -> Job:
        return await self.service.wait_for_end(job, timeout_s=15)

    async def steps(self, run: Job) -> dict[str, Job]:
        return {str(job.step): job for job in await self.service.steps_of(run)}

    async def until(self, is_it: Callable[[dict[str, Job]], bool], run: Job) -> dict[str, Job]:
        """Return the steps of a run as soon as they are as asked."""
        for _ in range(300):
            steps = await self.steps(run)
            if is_it(steps):
                return steps
            await self.clock.sleep(0.02)
        raise AssertionError(f"never came: {await self.steps(run)}")


def all_over(steps: dict[str, Job]) -> bool:
    return all(job.status.is_terminal for job in steps.values())


@pytest.fixture
def world(store: SqliteStore, tmp_path: Path) -> AppWorld:
    return AppWorld(store, tmp_path)


async def draws(request: EngineRequest, io: EngineIO) -> Made:
    """Make a picture of what is asked: a script for ``ScriptedEngine``."""
    content = prompt_of(request).encode()
    return Made(artifacts=(await io.save(content, media_type="image/png"),))


async def test_a_run_gives_named_outputs_of_steps_that_are_jobs(world: AppWorld) -> None:
    app = an_app(first=a_step(), second=a_step("first"))
    async with world.working(ScriptedEngine(draws)):
        run = await world.ended(await world.execute(app, webhook_url=WEBHOOK_URL))
    steps = await world.steps(run)
    assert run.status is JobStatus.COMPLETED
    assert run.result is not None
    assert run.result.outputs == {
        name: job.result.urls[0]
        for name, job in steps.items()
        if job.result is not None and job.result.urls is not None
    }
    assert run.result.urls == tuple(run.result.outputs.values())
    assert steps["second"].input["prompt"] == "a fox" + run.result.urls[0]
    deliveries = await world.store.deliveries_of(run.job_id)
    assert [delivery.event for delivery in deliveries] == ["job.completed"]
    assert json.loads(deliveries[0].body)["result"]["outputs"] == run.result.outputs
    for job in steps.values():
        assert await world.store.deliveries_of(job.job_id) == []


async def test_branches_run_at_the_same_time(world: AppWorld) -> None:
    both = asyncio.Barrier(2)

    async def meets(request: EngineRequest, io: EngineIO) -> Made:
        if "http" not in prompt_of(request):
            async with asyncio.timeout(10):
                await both.wait()
        return await draws(request, io)

    app = an_app(left=a_step(), right=a_step(), last=a_step("left", "right"))
    async with world.working(ScriptedEngine(meets)):
        run = await world.ended(await world.execute(app))
    assert run.status is JobStatus.COMPLETED


@pytest.mark.parametrize("runs_count", [1, 3])
async def test_runs_end_in_a_workspace_with_one_place(
    store: SqliteStore, tmp_path: Path, runs_count: int
) -> None:
    world = AppWorld(store, tmp_path, active_max=1)
    working = 0

    async def counts(request: EngineRequest, io: EngineIO) -> Made:
        nonlocal working
        working += 1
        assert working == 1
        await world.clock.sleep(0)
        working -= 1
        return await draws(request, io)

    app = an_app(left=a_step(), right=a_step(), last=a_step("left", "right"))
    async with world.working(ScriptedEngine(counts)):
        runs = [await world.execute(app) for _ in range(runs_count)]
        beside = (await world.service.submit(a_request())).job
        ended = [await world.ended(run) for run in runs]
        assert (await world.ended(beside)).status is JobStatus.COMPLETED
    assert {run.status for run in ended} == {JobStatus.COMPLETED}
    assert (await store.ledger()).balances


async def test_no_more_steps_work_at_once_than_the_workspace_may_have(
    store: SqliteStore, tmp_path: Path
) -> None:
    world = AppWorld(store, tmp_path, active_max=3)
    engine = ScriptedEngine(never_ends)
    app = an_app(**{f"s{number}": a_step() for number in range(8)})
    runs = [await world.execute(app) for _ in range(2)]
    async with world.working(engine):
        for run in runs:
            await world.until(lambda steps: len(steps) >= 1, run)
        late = await world.execute(app)
        assert late.status is JobStatus.BACKLOGGED
        await world.clock.sleep(1.5)  # each run has looked for room again
        assert sum([len(await world.steps(run)) for run in runs]) <= 3
        for run in (late, *runs):
            await world.service.cancel(run.job_id, workspace_id="studio")
    assert (await store.ledger()).balances


async def test_a_failed_step_fails_the_run_and_cancels_the_rest(world: AppWorld) -> None:
    async def breaks(request: EngineRequest, io: EngineIO) -> Made:
        if prompt_of(request) == "a bear":
            raise EngineError("There are no bears.")
        return await never_ends(request, io)

    engine = ScriptedEngine(breaks)
    bad = {"model": FLUX, "input": {"prompt": "a bear"}}
    app = an_app(good=a_step(), bad=bad, after=a_step("bad"))
    async with world.working(engine):
        run = await world.ended(await world.execute(app, webhook_url=WEBHOOK_URL))
        steps = await world.until(all_over, run)
    assert run.status is JobStatus.FAILED
    assert run.result is not None
    assert run.result.error == "The step bad failed: There are no bears."
    assert {name: job.status for name, job in steps.items()} == {
        "good": JobStatus.CANCELLED,
        "bad": JobStatus.FAILED,
    }
    assert "cancelled" in engine.runs
    assert len(await world.store.deliveries_of(run.job_id)) == 1


async def test_a_step_that_somebody_cancels_ends_the_run(world: AppWorld) -> None:
    async with world.working(ScriptedEngine(never_ends)):
        run = await world.execute(an_app(only=a_step()))
        steps = await world.until(lambda steps: "only" in steps, run)
        await world.service.cancel(steps["only"].job_id, workspace_id="studio")
        ended = await world.ended(run)
    assert ended.result is not None
    assert ended.result.error == "The step only was cancelled."


async def test_cancelling_a_run_cancels_its_steps_and_begins_no_other(world: AppWorld) -> None:
    engine = ScriptedEngine(never_ends)
    async with world.working(engine):
        run = await world.execute(an_app(first=a_step(), then=a_step("first")))
        await world.until(lambda steps: bool(steps), run)
        await engine.started.wait()
        await world.service.cancel(run.job_id, workspace_id="studio")
        steps = await world.steps(run)
    assert {job.status for job in steps.values()} == {JobStatus.CANCELLED}
    assert list(steps) == ["first"]
    run = await world.service.look_up(run.job_id)
    with pytest.raises(RunOver):
        await world.service.submit_step(run, a_request(), step="then")


async def test_a_steps_file_is_its_own_however_often_it_is_tried(
    world: AppWorld, tmp_path: Path
) -> None:
    content = picture("PNG") + bytes(10_000)
    uri = f"data:image/png;base64,{b64encode(content).decode()}"
    step = {"model": FLUX, "input": {"prompt": "a fox", "image_url": uri}}
    run = await world.execute(an_app(only=step, then=step))
    runs = world.runs()
    only, then = (await runs.graph_of(run.job_id)).jobs
    media = await world.media().settle(
        [("/image_url", uri)], workspace_id="studio", base_url=run.base_url
    )
    key = f"studio {run.job_id} only"  # a try that ended before the step was a job
    tried = await world.media().store(media, base_url=run.base_url, step=key)
    jobs = [await runs.begin(run.job_id, only, only.input) for _ in range(2)]
    assert jobs[0] is not None
    assert jobs[0].input_files == tuple(tried.files)
    assert jobs[1] == jobs[0]
    await world.service.cancel(run.job_id, workspace_id="studio")
    with pytest.raises(RunOver):
        await runs.begin(run.job_id, then, then.input)
    kept = [path.name for path in (tmp_path / "artifacts").rglob("inputs--*")]
    assert kept == tried.files


async def test_a_run_goes_on_after_its_worker_died_and_repeats_no_step(world: AppWorld) -> None:
    made: list[str] = []
    may_end = asyncio.Event()

    async def counts(request: EngineRequest, io: EngineIO) -> Made:
        made.append(prompt_of(request))
        if "http" in prompt_of(request):
            await may_end.wait()
        return await draws(request, io)

    app = an_app(first=a_step(), second=a_step("first"))
    dead = world.worker(ScriptedEngine(counts))
    loop = asyncio.create_task(dead.run())
    run = await world.execute(app)
    await world.until(lambda steps: "second" in steps, run)
    await dead.drain(0.0)
    await loop
    assert (await world.service.look_up(run.job_id)).status is JobStatus.QUEUED
    may_end.set()
    async with world.working(ScriptedEngine(counts)):
        ended = await world.ended(run)
    assert ended.status is JobStatus.COMPLETED
    assert made.count("a fox") == 1
    assert len(await world.steps(run)) == 2


async def test_a_drained_worker_gives_runs_back_before_it_waits_for_steps(world: AppWorld) -> None:
    may_end = asyncio.Event()

    async def waits(request: EngineRequest, io: EngineIO) -> Made:
        await may_end.wait()
        return await draws(request, io)

    engine = ScriptedEngine(waits)
    async with world.working(engine) as worker:
        run = await world.execute(an_app(first=a_step(), second=a_step("first")))
        await engine.started.wait()
        draining = asyncio.create_task(worker.drain(10))
        await world.until(lambda _: True, run)
        for _ in range(200):
            if (await world.service.look_up(run.job_id)).status is JobStatus.QUEUED:
                break
            await world.clock.sleep(0.02)
        assert not draining.done()
        may_end.set()
        await draining
    assert (await world.steps(run))["first"].status is JobStatus.COMPLETED


async def test_a_run_may_take_longer_than_a_job(world: AppWorld) -> None:
    async def takes_a_while(request: EngineRequest, io: EngineIO) -> Made:
        await world.clock.sleep(0.8)
        return await draws(request, io)

    app = an_app(one=a_step(), two=a_step("one"), three=a_step("two"))
    async with world.working(ScriptedEngine(takes_a_while), job_timeout_s=2.0):
        run = await world.ended(await world.execute(app))
    assert run.status is JobStatus.COMPLETED


async def test_the_rescuer_cancels_steps_whose_run_ended_as_its_server_was_killed(
    world: AppWorld,
) -> None:
    run = await world.execute(an_app(first=a_step()))
    (claimed,) = await world.service.claim(engine="apps", limit=1, worker_id="w", lease_s=15)
    step = await world.service.submit_step(claimed, a_request(), step="first")
    assert step is not None
    over = advance(claimed, JobEvent.CANCEL, now_ms=world.clock.now_ms())
    end = Ending(before=claimed, after=over, limits=ROOMY, event=an_event(run))
    assert await world.store.end_job(end)
    rescuer = Rescuer(world.service, world.store, clock=world.clock, wakeups=world.wakeups)
    await rescuer.step()
    ended = await world.ended(step)
    assert ended.status is JobStatus.CANCELLED
    assert await world.store.stray_steps(limit=9) == []


async def test_a_step_whose_input_cannot_be_is_said_by_its_name(world: AppWorld) -> None:
    async def makes_nothing(request: EngineRequest, io: EngineIO) -> Made:
        return Made()

    async with world.working(ScriptedEngine(makes_nothing)):
        run = await world.ended(await world.execute(an_app(a=a_step(), b=a_step("a"))))
    assert run.result is not None
    assert run.result.error == ("The step b cannot begin: a.url is not there: the step a made 0.")


async def test_the_progress_of_a_run_moves_as_its_steps_end(world: AppWorld) -> None:
    may_end = asyncio.Event()

    async def waits(request: EngineRequest, io: EngineIO) -> Made:
        if "http" in prompt_of(request):
            await io.progress(0.5)
            await may_end.wait()
        return await draws(request, io)

    async with world.working(ScriptedEngine(waits)):
        run = await world.execute(an_app(one=a_step(), two=a_step("one")))
        for _ in range(300):
            now = await world.service.look_up(run.job_id)
            if now.progress >= 0.5:
                break
            await world.clock.sleep(0.02)
        assert 0.5 <= now.progress < 1.0
        may_end.set()
        assert (await world.ended(run)).progress == 1.0


async def test_runs_of_two_workspaces_know_nothing_of_each_other(world: AppWorld) -> None:
    run = await world.execute(an_app(first=a_step()))
    theirs = await world.apps.push(an_app(first=a_step()), workspace_id="rival")
    assert theirs.app_id != (await world.push(an_app(first=a_step()))).app_id
    assert [job.job_id for job in await world.service.steps_of(run)] == []


async def test_a_stale_worker_beside_a_new_one_begins_no_step_twice(world: AppWorld) -> None:
    run = await world.execute(an_app(a=a_step(), b=a_step(), c=a_step("a", "b")))
    runs = world.runs()
    request = EngineRequest(
        job_id=run.job_id, workspace_id="studio", kind=run.kind, model=run.model, input=run.input
    )
    worker = Worker(
        world.service,
        slots={"null": Slot(engine=ScriptedEngine(draws), concurrency=4)},
        artifacts=world.artifacts,
        fetcher=FakeFetcher(),
        clock=world.clock,
        wakeups=world.wakeups,
        worker_id="w1",
        lease_s=15,
        job_timeout_s=60,
    )
    loop = asyncio.create_task(worker.run())
    both = (AppsEngine(runs).run(request, RecordingIO()) for _ in range(2))
    first, second = await asyncio.gather(*both)
    await worker.drain(0.0)
    await loop
    assert first == second
    assert sorted(await world.steps(run)) == ["a", "b", "c"]
    assert len(await world.service.steps_of(run)) == 3
