"""The worker against a scripted engine, a real store and real files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from builders import a_request

from ringback.artifacts.local import LocalArtifacts
from ringback.clock import Clock, SystemClock
from ringback.doorbell import Bells
from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.null import NullEngine
from ringback.errors import EngineError, FetchError, StorageFull
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.service import Service
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, ScriptedEngine, never_ends
from ringback.worker import Slot, Worker

HOOK = "https://shop.example/webhook"


class World:
    """A worker and what stands around it."""

    def __init__(self, service: Service, store: SqliteStore, bells: Bells, tmp_path: Path) -> None:
        self.service = service
        self.store = store
        self.directory = tmp_path / "artifacts"
        self.artifacts = LocalArtifacts(self.directory)
        self._bells = bells

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
            fetch=self._fetch,
            clock=clock or SystemClock(),
            bells=self._bells,
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

    async def _fetch(self, url: str, *, bytes_max: int) -> bytes:
        raise FetchError("connect", url)


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def world(service: Service, store: SqliteStore, bells: Bells, tmp_path: Path) -> World:
    return World(service, store, bells, tmp_path)


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
    # Nobody is led to the preview any more.
    assert [path.name for path in kept.parents[1].rglob("*.png")] == [name]


async def test_a_run_that_is_cut_off_leaves_its_memo_to_the_next(world: World) -> None:
    noted = asyncio.Event()
    memos: list[str | None] = []

    async def buy_once(request: EngineRequest, io: EngineIO) -> Made:
        memos.append(request.memo)
        if request.memo is None:
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
    assert memos == [None, "request 7"]
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
        # Its own, and not ours: nobody stopped it, and its time was not up.
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
        job = await world.ended(await world.submit(webhook_url=HOOK))
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


async def test_a_run_that_found_no_room_frees_what_it_took(world: World) -> None:
    runs = 0

    async def too_large(request: EngineRequest, io: EngineIO) -> Made:
        nonlocal runs
        runs += 1
        if runs == 2:
            return Made(links=(f"https://x.example/{len(world.kept())}",))
        await io.save(b"first of two", media_type="image/png")
        raise StorageFull("The artifact could not be kept.")

    async with world.worker(ScriptedEngine(too_large)):
        job = await world.ended(await world.submit())
    assert job.result == JobResult(urls=("https://x.example/0",))


async def test_a_job_that_takes_too_long_fails_and_its_engine_is_stopped(world: World) -> None:
    engine = ScriptedEngine(never_ends)
    async with world.worker(engine, timeout_s=0.05):
        job = await world.ended(await world.submit())
    assert job.result is not None
    assert job.result.error == "The job took longer than 0.05 s."
    assert engine.runs == ["cancelled"]


async def test_a_cancelled_jobs_engine_is_stopped_and_its_place_is_free(world: World) -> None:
    engine = ScriptedEngine(never_ends)
    async with world.worker(engine, concurrency=1):
        first = await world.submit()
        await engine.started.wait()
        engine.started.clear()
        await world.service.cancel(first.job_id, workspace_id="studio")
        await world.submit()
        await asyncio.wait_for(engine.started.wait(), 5)
    assert engine.runs[0] == "cancelled"


async def test_a_run_cancelled_before_it_began_frees_its_place_and_gives_its_job_back(
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


async def test_no_more_jobs_run_at_once_than_there_are_places(world: World) -> None:
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


async def test_a_draining_worker_gives_back_what_it_cannot_finish(world: World) -> None:
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


async def test_our_own_artifacts_are_inputs_without_a_request(world: World) -> None:
    name = await world.artifacts.save(b"mine", media_type="image/png")
    got: list[bytes] = []

    async def read(request: EngineRequest, io: EngineIO) -> Made:
        got.append(await io.fetch(f"http://127.0.0.1:7464/artifacts/{name}", bytes_max=10))
        with pytest.raises(FetchError, match="too_large"):
            await io.fetch(f"http://127.0.0.1:7464/artifacts/{name}", bytes_max=3)
        with pytest.raises(FetchError, match="connect"):
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


async def test_an_engine_may_have_a_time_limit_of_its_own(world: World) -> None:
    async with world.worker(ScriptedEngine(never_ends), timeout_s=60, own_timeout_s=0.05):
        job = await world.ended(await world.submit())
    assert job.result is not None
    assert job.result.error == "The job took longer than 0.05 s."


@pytest.mark.parametrize(
    ("how", "is_over"), [("cancelled", True), ("out of time", True), ("given back", False)]
)
async def test_a_run_that_is_stopped_knows_whether_anybody_still_waits_for_the_job(
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


async def test_a_job_that_was_ended_where_no_bell_is_heard_is_found_to_be_over(
    world: World, service: Service, clock: Clock, tmp_path: Path
) -> None:
    seen: list[bool] = []

    async def look_back(request: EngineRequest, io: EngineIO) -> Made:
        try:
            return await never_ends(request, io)
        finally:
            seen.append(io.is_over())

    engine = ScriptedEngine(look_back)
    deaf = World(service, world.store, Bells(), tmp_path)
    async with deaf.worker(engine, lease_s=0.1):
        job = await world.submit()
        await engine.started.wait()
        await world.service.cancel(job.job_id, workspace_id=job.workspace_id)
        async with asyncio.timeout(5):
            while not seen:
                await clock.sleep(0.01)
    assert seen == [True]
