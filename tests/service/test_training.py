"""Trainings from submission to style, with the real engine, worker, store and files."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from ringback.clock import Clock, SystemClock
from ringback.engines.contract import Engine, EngineIO, EngineRequest, Made
from ringback.engines.sketch.engine import SketchEngine
from ringback.files.artifacts.local import LocalArtifacts
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.service import GenerationRequest, JobService
from ringback.storage.contract import Token
from ringback.storage.sqlite import SqliteStore
from ringback.styles.model import Trained, member_of
from ringback.testing import FakeFetcher, ScriptedEngine, never_ends
from ringback.wakeups import Wakeups
from ringback.worker import Slot, Worker
from tests.builders import a_request

WEBHOOK_URL = "https://shop.example/webhook"
RED, BLUE = (220, 30, 30), (30, 60, 230)


def a_picture(colour: tuple[int, int, int]) -> bytes:
    output = BytesIO()
    Image.new("RGB", (64, 64), colour).save(output, "PNG")
    return output.getvalue()


PICTURES = {
    "https://x.example/red.png": a_picture(RED),
    "https://x.example/blue.png": a_picture(BLUE),
    "https://x.example/page.html": b"<html>not a picture",
}


class World:
    """A worker with its collaborators."""

    def __init__(
        self, service: JobService, store: SqliteStore, wakeups: Wakeups, folder: Path
    ) -> None:
        self.service = service
        self.store = store
        self.artifacts = LocalArtifacts(folder / "artifacts")
        self.wakeups = wakeups

    @asynccontextmanager
    async def worker(self, engine: Engine) -> AsyncIterator[Worker]:
        worker = Worker(
            self.service,
            slots={"sketch": Slot(engine=engine, concurrency=2)},
            artifacts=self.artifacts,
            fetcher=FakeFetcher(PICTURES),
            clock=SystemClock(),
            wakeups=self.wakeups,
            worker_id="w1",
            lease_s=15,
            job_timeout_s=60,
        )
        loop = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            await worker.drain(0.0)
            await loop

    async def ended(self, request: GenerationRequest) -> Job:
        job = (await self.service.submit(request)).job
        return await self.service.wait_for_end(job, timeout_s=15)

    async def picture(self, job: Job) -> Image.Image:
        assert job.result is not None
        assert job.result.urls is not None, job.result.error
        path = self.artifacts.path_of(job.result.urls[0].rpartition("/")[2])
        return Image.open(BytesIO(path.read_bytes()))

    def files(self) -> set[str]:
        return {path.name for path in self.artifacts.path_of("x").parents[1].rglob("*.*")}


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def world(service: JobService, store: SqliteStore, wakeups: Wakeups, tmp_path: Path) -> World:
    return World(service, store, wakeups, tmp_path)


def a_training(*names: str, token_id: str = "anna") -> GenerationRequest:
    urls = [f"https://x.example/{name}" for name in names]
    return a_request(
        kind="style",
        model="styles/flux_dev",
        type="training",
        engine="sketch",
        input={"name": "Red", "urls": urls, "type": "Style"},
        webhook_url=WEBHOOK_URL,
        token_id=token_id,
    )


def a_drawing(style_id: str, *, strength: float = 2.0, token_id: str = "anna") -> GenerationRequest:
    return a_request(
        engine="sketch",
        input={
            "prompt": "a lake",
            "width": 128,
            "height": 128,
            "styles": [{"id": style_id, "strength": strength}],
        },
        token_id=token_id,
    )


async def test_a_training_creates_a_style_that_images_can_use(world: World) -> None:
    async with world.worker(SketchEngine()):
        training = await world.ended(a_training("red.png", "red.png"))
        assert training.result == JobResult(urls=(), style_id=training.job_id)
        drawn = await world.picture(await world.ended(a_drawing(training.job_id)))
    red, green, blue = ImageStat.Stat(drawn.convert("RGB")).mean
    assert red > 170 > 80 > max(green, blue)
    style = await world.store.find_style(training.job_id)
    assert style is not None
    assert (style.title, style.model, style.type, style.engine) == (
        "Red",
        "flux_dev",
        "Style",
        "sketch",
    )
    assert style.owner_id == member_of("studio", "anna").member_id
    for name in style.previews:
        shown = Image.open(BytesIO(world.artifacts.path_of(name).read_bytes()))
        assert shown.height > shown.width
    (owed,) = await world.store.deliveries_of(training.job_id)
    assert json.loads(owed.body)["result"] == {"style_id": training.job_id}


async def test_a_training_keeps_only_the_files_of_its_style(world: World) -> None:
    async with world.worker(SketchEngine()):
        training = await world.ended(a_training("red.png"))
    style = await world.store.find_style(training.job_id)
    assert style is not None
    assert world.files() == {style.artifact, *style.previews}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("page.html", r"^Image 2 of 2: An input image cannot be read"),
        ("gone.png", r"^The input image https://x\.example/gone\.png could not be fetched"),
    ],
)
async def test_an_unusable_image_fails_the_training_without_a_style(
    world: World, name: str, error: str
) -> None:
    async with world.worker(SketchEngine()):
        training = await world.ended(a_training("red.png", name))
    assert training.status is JobStatus.FAILED
    assert training.result is not None
    assert re.match(error, training.result.error or "")
    assert await world.store.find_style(training.job_id) is None


async def test_a_training_that_is_run_again_creates_one_style(world: World) -> None:
    """A worker stopped after it saved the files must leave no trace of the first run."""
    saved = asyncio.Event()
    runs: list[str] = []

    async def train(request: EngineRequest, io: EngineIO) -> Made:
        artifact = await io.save(b"{}", media_type="application/json")
        runs.append(artifact)
        if len(runs) == 1:
            saved.set()
            return await never_ends(request, io)
        return Made(trained=Trained(artifact=artifact))

    request = a_training("red.png")
    async with world.worker(ScriptedEngine(train)):
        job = (await world.service.submit(request)).job
        await saved.wait()
    assert await world.store.find_style(job.job_id) is None
    async with world.worker(ScriptedEngine(train)):
        job = await world.service.wait_for_end(job, timeout_s=10)
    assert job.result == JobResult(urls=(), style_id=job.job_id)
    style = await world.store.find_style(job.job_id)
    assert style is not None
    assert style.artifact == runs[1]
    assert len(await world.store.deliveries_of(job.job_id)) == 1


async def test_a_cancelled_training_creates_no_style(world: World) -> None:
    async def cancelled(request: EngineRequest, io: EngineIO) -> Made:
        artifact = await io.save(b"{}", media_type="application/json")
        await world.service.cancel(request.job_id, workspace_id="studio")
        return Made(trained=Trained(artifact=artifact))

    async with world.worker(ScriptedEngine(cancelled)):
        job = await world.ended(a_training("red.png"))
    assert job.status is JobStatus.CANCELLED
    assert await world.store.find_style(job.job_id) is None


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_style_is_checked_again_when_the_job_runs(world: World, is_gone: bool) -> None:
    anna = Token(token_id="anna", workspace_id="studio", digest="d", hint="rb_x", created_at_ms=1)
    await world.store.add_token(anna)
    async with world.worker(SketchEngine()):
        training = await world.ended(a_training("red.png"))
        if is_gone:
            await world.store.delete_style(training.job_id)
        requested = a_drawing(training.job_id, token_id="anna" if is_gone else "ben")
        drawn = await world.ended(requested)
    assert drawn.status is JobStatus.FAILED
    assert drawn.result is not None
    assert drawn.result.error == (
        "A requested style is gone, or is no longer shared; GET /styles lists them."
    )
