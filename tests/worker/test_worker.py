"""The worker against a scripted engine, a real store and real files."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ringback.clock import Clock, SystemClock
from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.null import NullEngine
from ringback.engines.sketch.engine import SketchEngine
from ringback.engines.sketch.slots import WorkerSlots
from ringback.engines.sketch.tasks import ImageTasks
from ringback.errors import EngineError, EngineProcessDied, FetchError, StorageFull
from ringback.files.artifacts.local import LocalArtifacts
from ringback.ids import Ids
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.service import JobService, result_document
from ringback.storage.sqlite import SqliteStore
from ringback.styles.model import Trained
from ringback.testing import FakeClock, FakeFetcher, ScriptedEngine, never_ends, settle
from ringback.wakeups import Wakeups
from ringback.worker import Slot, Worker
from tests.builders import ROOMY, a_request, open_workspaces
from tests.patience import SOON_S

WEBHOOK_URL = "https://shop.example/webhook"


class World:
    """A worker with its store, its service and its artifacts."""

    def __init__(
        self, service: JobService, store: SqliteStore, wakeups: Wakeups, tmp_path: Path
    ) -> None:
        self.service = service
        self.store = store
        self.directory = tmp_path / "artifacts"
        self.artifacts = LocalArtifacts(self.directory)
        self._wakeups = wakeups

    def made(
        self,
        engine: ScriptedEngine | NullEngine,
        *,
        concurrency: int = 2,
        timeout_s: float = 60,
        own_timeout_s: float | None = None,
        lease_s: float = 15,
        clock: Clock | None = None,
    ) -> Worker:
        return Worker(
            self.service,
            slots={"null": Slot(engine=engine, concurrency=concurrency, timeout_s=own_timeout_s)},
            artifacts=self.artifacts,
            fetcher=FakeFetcher(),
            clock=clock or SystemClock(),
            wakeups=self._wakeups,
            worker_id="w1",
            lease_s=lease_s,
            job_timeout_s=timeout_s,
        )

    @asynccontextmanager
    async def worker(
        self, engine: ScriptedEngine | NullEngine, **how: Any
    ) -> AsyncIterator[Worker]:
        worker = self.made(engine, **how)
        loop = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            await worker.drain(0.0)
            await loop

    async def submit(self, **changes: object) -> Job:
        return (await self.service.submit(a_request(**changes))).job

    async def ended(self, job: Job) -> Job:
        return await self.service.wait_for_end(job, timeout_s=10)

    def kept(self) -> list[Path]:
        return sorted(self.directory.rglob("*.png"))


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def world(service: JobService, store: SqliteStore, wakeups: Wakeups, tmp_path: Path) -> World:
    return World(service, store, wakeups, tmp_path)


async def test_a_job_goes_through_its_engine_to_a_result_that_is_kept(world: World) -> None:
    async def draw(request: EngineRequest, io: EngineIO) -> Made:
        assert request.input == {"prompt": "a red fox in snow"}
        await io.progress(0.1)
        await io.preview(await io.save(b"rough", media_type="image/png"))
        return Made(artifacts=(await io.save(b"fine", media_type="image/png"),))

    async with world.worker(ScriptedEngine(draw)):
        job = await world.ended(await world.submit())
    assert job.status is JobStatus.COMPLETED
    assert job.result is not None
    assert job.result.urls is not None
    base, _, name = job.result.urls[0].rpartition("/artifacts/")
    assert base == "http://127.0.0.1:7464"
    kept = world.artifacts.path_of(name)
    assert kept.read_bytes() == b"fine"
    # Nothing refers to the preview any more.
    assert [path.name for path in kept.parents[1].rglob("*.png")] == [name]


async def test_the_still_of_a_clip_is_kept_for_pages_and_not_shown_by_the_api(
    world: World,
) -> None:
    async def film(request: EngineRequest, io: EngineIO) -> Made:
        still = await io.save(b"still", media_type="image/jpeg")
        await io.preview(still)
        return Made(artifacts=(await io.save(b"film", media_type="video/mp4"),), still=still)

    async with world.worker(ScriptedEngine(film)):
        job = await world.ended(await world.submit())
    assert job.result is not None
    names = [url.rpartition("/")[2] for url in job.result.files]
    assert [world.artifacts.path_of(one).read_bytes() for one in names] == [b"film", b"still"]
    assert result_document(job.result) == {"urls": job.result.urls}


async def test_a_run_that_is_cut_off_leaves_its_resume_state_to_the_next(world: World) -> None:
    noted = asyncio.Event()
    resume_states: list[str | None] = []

    async def buy_once(request: EngineRequest, io: EngineIO) -> Made:
        resume_states.append(request.resume_state)
        if request.resume_state is None:
            await io.remember("request 7")
            noted.set()
            return await never_ends(request, io)
        return Made(links=("https://cdn.example/bought.png",))

    engine = ScriptedEngine(buy_once)
    async with world.worker(engine):
        submitted = await world.submit()
        await noted.wait()
    async with world.worker(engine):
        job = await world.ended(submitted)
    assert resume_states == [None, "request 7"]
    assert job.result == JobResult(urls=("https://cdn.example/bought.png",))


async def test_a_preview_is_shown_while_the_engine_goes_on(world: World) -> None:
    shown = asyncio.Event()

    async def preview(request: EngineRequest, io: EngineIO) -> Made:
        await io.preview(await io.save(b"rough", media_type="image/png"))
        shown.set()
        return await never_ends(request, io)

    async with world.worker(ScriptedEngine(preview)):
        submitted = await world.submit()
        await shown.wait()
        job = await world.service.get(submitted.job_id, workspace_id="studio")
    assert job.status is JobStatus.INTERMEDIATE_COMPLETE
    assert job.result is not None
    assert job.result.urls is not None


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (EngineError("The prompt is empty of meaning."), "The prompt is empty of meaning."),
        (ZeroDivisionError("x"), "The engine broke while making the result"),
        # The engine raised it by itself: the run was not stopped, and its time was not up.
        (TimeoutError("x"), "The engine broke while making the result"),
        (asyncio.CancelledError("x"), "The engine broke while making the result"),
    ],
)
async def test_an_engine_that_fails_fails_its_job_with_a_sentence(
    world: World, error: BaseException, sentence: str
) -> None:
    async def fail(request: EngineRequest, io: EngineIO) -> Made:
        raise error

    async with world.worker(ScriptedEngine(fail)):
        job = await world.ended(await world.submit(webhook_url=WEBHOOK_URL))
    assert job.status is JobStatus.FAILED
    assert job.result is not None
    assert (job.result.error or "").startswith(sentence)
    (delivery,) = await world.store.deliveries_of(job.job_id)
    assert json.loads(delivery.body)["result"]["error"].startswith(sentence)


async def test_a_run_that_fails_leaves_none_of_its_files_behind(world: World) -> None:
    async def half_done(request: EngineRequest, io: EngineIO) -> Made:
        await io.preview(await io.save(b"rough", media_type="image/png"))
        await io.save(b"first of two", media_type="image/png")
        raise EngineError("The second could not be made.")

    async with world.worker(ScriptedEngine(half_done)):
        await world.ended(await world.submit())
    assert world.kept() == []


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_run_that_is_stopped_leaves_none_of_its_files_behind(
    world: World, is_cancelled: bool
) -> None:
    saved = asyncio.Event()

    async def half_done(request: EngineRequest, io: EngineIO) -> Made:
        await io.save(b"first of two", media_type="image/png")
        saved.set()
        return await never_ends(request, io)

    async with world.worker(ScriptedEngine(half_done)):
        job = await world.submit()
        await saved.wait()
        assert len(world.kept()) == 1
        if is_cancelled:
            await world.service.cancel(job.job_id, workspace_id="studio")
    assert world.kept() == []


async def test_a_run_without_disk_space_frees_its_files(world: World) -> None:
    runs = 0

    async def too_large(request: EngineRequest, io: EngineIO) -> Made:
        nonlocal runs
        runs += 1
        if runs == 2:
            return Made(links=(f"https://x.example/{len(world.kept())}",))
        await io.save(b"first of two", media_type="image/png")
        raise StorageFull("The artifact could not be stored.")

    async with world.worker(ScriptedEngine(too_large)):
        job = await world.ended(await world.submit())
    assert job.result == JobResult(urls=("https://x.example/0",))


async def test_a_job_whose_result_meets_a_deleted_folder_runs_again_once_it_is_back(
    world: World,
) -> None:
    runs = 0

    async def draw(request: EngineRequest, io: EngineIO) -> Made:
        nonlocal runs
        runs += 1
        if runs == 1:
            shutil.rmtree(world.directory)
        elif runs == 2:
            LocalArtifacts(world.directory)  # an operator brings it back
        return Made(artifacts=(await io.save(b"paid for", media_type="image/png"),))

    async with world.worker(ScriptedEngine(draw)):
        job = await world.ended(await world.submit())
    assert job.status is JobStatus.COMPLETED
    assert [path.read_bytes() for path in world.kept()] == [b"paid for"]


async def test_a_job_that_takes_too_long_fails_and_its_engine_is_stopped(world: World) -> None:
    engine = ScriptedEngine(never_ends)
    async with world.worker(engine, timeout_s=0.05):
        job = await world.ended(await world.submit())
    assert job.result is not None
    assert job.result.error == "The job took longer than 0.05 s."
    assert engine.runs == ["cancelled"]


async def test_a_cancelled_jobs_engine_is_stopped_and_its_slot_is_free(world: World) -> None:
    engine = ScriptedEngine(never_ends)
    async with world.worker(engine, concurrency=1):
        first = await world.submit()
        await engine.started.wait()
        engine.started.clear()
        await world.service.cancel(first.job_id, workspace_id="studio")
        await world.submit()
        await asyncio.wait_for(engine.started.wait(), 5)
    assert engine.runs[0] == "cancelled"


async def test_a_run_cancelled_before_it_began_frees_its_slot_and_gives_its_job_back(
    world: World,
) -> None:
    engine = ScriptedEngine(never_ends)
    worker = world.made(engine, concurrency=1)
    first = await world.submit()
    assert await worker.run_once() == 1
    (run,) = worker._running
    run.give_back = True
    run.cancel()
    await run.task
    assert engine.runs == []
    given_back = await world.service.get(first.job_id, workspace_id="studio")
    assert given_back.status is JobStatus.QUEUED
    assert await worker.run_once() == 1
    await worker.drain(0.0)


async def test_a_run_that_gives_its_job_back_does_so_however_often_it_is_stopped(
    world: World,
) -> None:
    engine = ScriptedEngine(never_ends)
    worker = world.made(engine, concurrency=1)
    job = await world.submit()
    assert await worker.run_once() == 1
    await engine.started.wait()
    (run,) = worker._running
    run.return_unharmed()
    await settle()
    run.return_unharmed()
    await run.task
    given_back = await world.service.get(job.job_id, workspace_id="studio")
    assert given_back.status is JobStatus.QUEUED
    await worker.drain(0.0)


async def test_no_more_jobs_run_at_once_than_there_are_slots(world: World) -> None:
    running = 0
    most = 0

    async def count(request: EngineRequest, io: EngineIO) -> Made:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await io.progress(0.5)
        running -= 1
        return Made()

    async with world.worker(ScriptedEngine(count), concurrency=2):
        for job in [await world.submit() for _ in range(10)]:
            await world.ended(job)
    assert most == 2


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_workspace_whose_jobs_hold_every_slot_keeps_no_other_out(
    world: World, concurrency: int
) -> None:
    async def hang(request: EngineRequest, io: EngineIO) -> Made:
        return await never_ends(request, io) if request.workspace_id == "studio" else Made()

    await open_workspaces(world.store, "rival")
    engine = ScriptedEngine(hang)
    async with world.worker(engine, concurrency=concurrency):
        for _ in range(5):
            await world.submit()
        while len(await world.store.held_jobs("w1", limit=99)) < concurrency:
            await settle()
        for _ in range(4):
            other = await world.submit(workspace_id="rival")
            assert (await world.ended(other)).status is JobStatus.COMPLETED
        # Alone, a workspace has every place, and the reserve is not among them.
        assert len(await world.store.held_jobs("w1", limit=99)) == concurrency


async def test_a_draining_worker_gives_back_jobs_that_it_cannot_finish(world: World) -> None:
    engine = ScriptedEngine(never_ends)
    async with world.worker(engine):
        job = await world.submit()
        await engine.started.wait()
    given_back = await world.service.get(job.job_id, workspace_id="studio")
    assert (given_back.status, given_back.deaths) == (JobStatus.QUEUED, 0)
    assert engine.runs == ["cancelled"]


async def test_a_draining_worker_lets_running_jobs_finish(world: World) -> None:
    go_on = asyncio.Event()

    async def patient(request: EngineRequest, io: EngineIO) -> Made:
        await go_on.wait()
        return Made()

    engine = ScriptedEngine(patient)
    async with world.worker(engine) as worker:
        job = await world.submit()
        await engine.started.wait()
        world.service.drain()
        draining = asyncio.create_task(worker.drain(10))
        go_on.set()
        await draining
    done = await world.service.get(job.job_id, workspace_id="studio")
    assert done.status is JobStatus.COMPLETED


async def test_a_job_that_kills_its_process_thrice_fails_with_a_sentence(world: World) -> None:
    async def die(request: EngineRequest, io: EngineIO) -> Made:
        await io.save(b"half", media_type="image/png")
        raise EngineProcessDied

    engine = ScriptedEngine(die)
    async with world.worker(engine):
        job = await world.ended(await world.submit())
    assert (job.status, job.deaths, len(engine.runs)) == (JobStatus.FAILED, 3, 3)
    assert job.result is not None
    assert job.result.error == "The process that made the result died 3 times while making it."
    assert world.kept() == []


async def test_a_process_that_dies_while_the_server_stops_is_not_counted(world: World) -> None:
    async def die(request: EngineRequest, io: EngineIO) -> Made:
        # Its process heard of the signal to stop before the server did.
        asyncio.get_running_loop().call_soon(world.service.drain)
        raise EngineProcessDied

    engine = ScriptedEngine(die)
    async with world.worker(engine) as worker:
        job = await world.submit()
        await engine.started.wait()
        await worker.drain(5)
    given_back = await world.service.get(job.job_id, workspace_id="studio")
    assert (given_back.status, given_back.deaths) == (JobStatus.QUEUED, 0)


async def test_a_job_that_is_cancelled_as_its_process_dies_is_cancelled(world: World) -> None:
    async def die(request: EngineRequest, io: EngineIO) -> Made:
        raise EngineProcessDied

    engine = ScriptedEngine(die)
    async with world.worker(engine):
        job = await world.submit()
        await engine.started.wait()
        await world.service.cancel(job.job_id, workspace_id="studio")
        ended = await world.ended(job)
    assert ended.status is JobStatus.CANCELLED
    assert len(engine.runs) == 1


@pytest.mark.timeout(120)
async def test_of_jobs_that_share_a_drawing_process_the_one_that_kills_it_is_blamed(
    world: World,
) -> None:
    sketch, slots = SketchEngine(), WorkerSlots(1)

    async def draw(request: EngineRequest, io: EngineIO) -> Made:
        if request.input["prompt"] == "deadly":
            tasks = ImageTasks(slots.for_job("studio", io), io, pool=sketch._pool)
            await tasks.run(signal.raise_signal, signal.SIGKILL)  # type: ignore[arg-type]
        return await sketch.run(replace(request, model="bfl/flux-1-dev"), io)

    async with world.worker(ScriptedEngine(draw), concurrency=4):
        deadly = await world.submit(input={"prompt": "deadly"})
        small = {"prompt": "a lake", "width": 256, "height": 256}
        others = [await world.submit(input=small) for _ in range(3)]
        ended, *kept = [
            await world.service.wait_for_end(job, timeout_s=60) for job in (deadly, *others)
        ]
    assert (ended.status, ended.deaths) == (JobStatus.FAILED, 3)
    assert {(job.status, job.deaths) for job in kept} == {(JobStatus.COMPLETED, 0)}


async def test_our_own_artifacts_are_inputs_without_a_request(world: World) -> None:
    name = await world.artifacts.save(b"mine", media_type="image/png")
    got: list[bytes] = []

    async def read(request: EngineRequest, io: EngineIO) -> Made:
        got.append(await io.fetch(f"http://127.0.0.1:7464/artifacts/{name}", bytes_max=10))
        with pytest.raises(FetchError, match="too_large"):
            await io.fetch(f"http://127.0.0.1:7464/artifacts/{name}", bytes_max=3)
        with pytest.raises(FetchError, match="gone"):
            await io.fetch("http://127.0.0.1:7464/artifacts/../ringback.db", bytes_max=10)
        return Made()

    async with world.worker(ScriptedEngine(read)):
        job = await world.ended(await world.submit())
    assert job.status is JobStatus.COMPLETED, job.result
    assert got == [b"mine"]


async def test_the_null_engine_ends_every_job_with_one_shared_picture(world: World) -> None:
    async with world.worker(NullEngine(), concurrency=8):
        jobs = [await world.ended(await world.submit()) for _ in range(3)]
    (urls,) = {job.result.urls for job in jobs if job.result}
    assert urls is not None
    kept = world.artifacts.path_of(urls[0].rpartition("/")[2])
    assert kept.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


async def test_an_engine_is_stopped_when_a_heartbeat_finds_the_lease_lost(world: World) -> None:
    engine = ScriptedEngine(never_ends)
    clock = FakeClock()
    async with world.worker(engine, clock=clock):
        await world.submit()
        await engine.started.wait()
        engine.started.clear()
        for expired in await world.store.expired_jobs(now_ms=2**53, limit=9):
            await world.service.rescue(expired)
        clock.advance(5)
        await asyncio.wait_for(engine.started.wait(), 5)
    assert engine.runs == ["cancelled", "cancelled"]


async def test_a_run_that_lost_its_lease_leaves_none_of_its_files_behind(world: World) -> None:
    runs = 0

    async def stalls_once(request: EngineRequest, io: EngineIO) -> Made:
        nonlocal runs
        runs += 1
        name = await io.save(f"of run {runs}".encode(), media_type="image/png")
        if runs == 1:
            for expired in await world.store.expired_jobs(now_ms=2**53, limit=9):
                await world.service.rescue(expired)
            await io.progress(0.5)
        return Made(artifacts=(name,))

    async with world.worker(ScriptedEngine(stalls_once)):
        job = await world.ended(await world.submit())
    assert job.status is JobStatus.COMPLETED
    assert [path.read_bytes() for path in world.kept()] == [b"of run 2"]


async def test_a_worker_that_is_stopped_as_it_finishes_a_job_leaves_the_result_its_files(
    world: World, store: SqliteStore, clock: Clock, wakeups: Wakeups
) -> None:
    """Also one that was shown as a preview: the job has ended, and names it."""
    committed = asyncio.Event()

    class HeldUp(JobService):
        async def finish(
            self, job: Job, *, result: JobResult, trained: Trained | None = None
        ) -> Job:
            await super().finish(job, result=result, trained=trained)
            committed.set()
            never: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
            return await never

    async def draw(request: EngineRequest, io: EngineIO) -> Made:
        await io.preview(await io.save(b"rough", media_type="image/png"))
        name = await io.save(b"fine", media_type="image/png")
        await io.preview(name)
        return Made(artifacts=(name,))

    ids = Ids(clock.now_ms, Random(5).getrandbits)
    world.service = HeldUp(store, clock=clock, ids=ids, limits=ROOMY, wakeups=wakeups)
    async with world.worker(ScriptedEngine(draw)):
        job = await world.submit()
        await committed.wait()
    done = await world.service.get(job.job_id, workspace_id="studio")
    assert done.status is JobStatus.COMPLETED
    assert [path.read_bytes() for path in world.kept()] == [b"fine"]


async def test_an_engine_may_have_a_time_limit_of_its_own(world: World) -> None:
    async with world.worker(ScriptedEngine(never_ends), timeout_s=60, own_timeout_s=0.05):
        job = await world.ended(await world.submit())
    assert job.result is not None
    assert job.result.error == "The job took longer than 0.05 s."


@pytest.mark.parametrize(
    ("how", "is_over"), [("cancelled", True), ("out of time", True), ("given back", False)]
)
async def test_a_run_that_is_stopped_knows_whether_its_job_has_ended(
    world: World, how: str, is_over: bool
) -> None:
    seen: list[bool] = []

    async def look_back(request: EngineRequest, io: EngineIO) -> Made:
        assert not io.is_over()
        try:
            return await never_ends(request, io)
        finally:
            seen.append(io.is_over())

    engine = ScriptedEngine(look_back)
    own_timeout_s = 0.05 if how == "out of time" else None
    async with world.worker(engine, own_timeout_s=own_timeout_s) as worker:
        job = await world.submit()
        await engine.started.wait()
        if how == "cancelled":
            await world.service.cancel(job.job_id, workspace_id=job.workspace_id)
        if how == "given back":
            await worker.drain(0.0)
        else:
            await world.ended(job)
    assert seen == [is_over]


async def test_a_job_that_ended_elsewhere_without_a_wakeup_is_noticed(
    world: World, service: JobService, clock: Clock, tmp_path: Path
) -> None:
    seen: list[bool] = []

    async def look_back(request: EngineRequest, io: EngineIO) -> Made:
        try:
            return await never_ends(request, io)
        finally:
            seen.append(io.is_over())

    engine = ScriptedEngine(look_back)
    deaf = World(service, world.store, Wakeups(), tmp_path)
    async with deaf.worker(engine, lease_s=0.1):
        job = await world.submit()
        await engine.started.wait()
        await world.service.cancel(job.job_id, workspace_id=job.workspace_id)
        async with asyncio.timeout(5):
            while not seen:
                await clock.sleep(0.01)
    assert seen == [True]


async def test_a_jobs_time_stands_still_while_it_waits_for_a_slot(world: World) -> None:
    is_free = asyncio.Event()

    async def wait(request: EngineRequest, io: EngineIO) -> Made:
        with io.waiting():
            await is_free.wait()
        if request.input["prompt"] == "slow":
            await asyncio.Event().wait()
        return Made()

    engine = ScriptedEngine(wait)
    async with world.worker(engine, timeout_s=0.0):
        waiting = await world.submit()
        slow = await world.submit(input={"prompt": "slow"})
        await engine.started.wait()
        await settle(100)
        now = await world.service.get(waiting.job_id, workspace_id=waiting.workspace_id)
        assert now.status is JobStatus.SCHEDULED
        is_free.set()
        assert (await world.ended(waiting)).status is JobStatus.COMPLETED
        ended = await world.ended(slow)
    assert ended.result is not None
    assert ended.result.error == "The job took longer than 0 s."


async def test_a_job_that_waits_for_a_slot_can_be_cancelled(world: World) -> None:
    async def wait(request: EngineRequest, io: EngineIO) -> Made:
        with io.waiting():
            await asyncio.Event().wait()
        raise AssertionError

    engine = ScriptedEngine(wait)
    async with world.worker(engine):
        job = await world.submit()
        await engine.started.wait()
        await world.service.cancel(job.job_id, workspace_id=job.workspace_id)
        assert (await world.ended(job)).status is JobStatus.CANCELLED
    assert engine.runs == ["cancelled"]


async def test_an_abandoned_run_ends_although_the_store_is_closed_meanwhile(
    world: World, store: SqliteStore
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def ends_late(_request: EngineRequest, _io: EngineIO) -> Made:
        begun.set()
        while not may_end.is_set():
            with suppress(asyncio.CancelledError):
                await may_end.wait()
        raise asyncio.CancelledError

    before = asyncio.all_tasks()
    worker = world.made(ScriptedEngine(ends_late))
    loop = asyncio.create_task(worker.run())
    await world.submit()
    await begun.wait()
    await worker.drain(0.0, give_back_s=0.0)
    await loop
    await store.close()
    may_end.set()
    _, left = await asyncio.wait(asyncio.all_tasks() - before, timeout=SOON_S)
    assert not left
