"""The sketch engine with several workspaces: fair slots, and no shared failures."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ringback.engines.contract import EngineRequest
from ringback.engines.sketch.engine import SketchEngine
from ringback.errors import EngineError
from ringback.testing import RecordingIO, settle
from tests import hostile_media as hostile
from tests.processes import children

URL = "https://x.example/a.png"


def a_picture() -> bytes:
    output = BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(output, "PNG")
    return output.getvalue()


def a_request(workspace_id: str, kind: str = "image", **fields: Any) -> EngineRequest:
    small = {"prompt": "a harbour in fog", "width": 64, "height": 64, "frame_num": 16}
    return EngineRequest(
        job_id="j",
        workspace_id=workspace_id,
        kind=kind,
        model="bfl/flux-1-dev",
        input={**small, **fields},
    )


class HangingIO(RecordingIO):
    """An ``EngineIO`` whose inputs never arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = asyncio.Event()

    async def download(self, url: str, path: Path, *, bytes_max: int) -> int:
        self.is_asked.set()
        await asyncio.Event().wait()
        raise AssertionError


@asynccontextmanager
async def running(*jobs: Any) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Run jobs during the context."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def stuck(engine: SketchEngine, workspace_id: str, jobs: int) -> AsyncIterator[None]:
    """Let that many jobs of a workspace hold all slots that it may have, for ever."""
    others, is_stopped = children(), asyncio.Event()

    def stop() -> None:
        for child in children() - others:
            os.kill(child, signal.SIGSTOP)
        is_stopped.set()

    first = RecordingIO()
    first.on_preview = stop  # before the picture itself is drawn
    async with running(engine.run(a_request(workspace_id), first)):
        await is_stopped.wait()
        await settle()
        more = [engine.run(a_request(workspace_id), RecordingIO()) for _ in range(jobs - 1)]
        async with running(*more):
            await settle()
            yield


async def test_jobs_that_occupy_the_drawing_process_do_not_block_other_workspaces() -> None:
    engine = SketchEngine()
    async with stuck(engine, "mallory", jobs=4):
        io = RecordingIO({URL: a_picture()})
        made = await engine.run(a_request("alice", image_url=URL), io)
        clip = await engine.run(a_request("bob", kind="video"), RecordingIO())
    assert len(made.artifacts) == len(clip.artifacts) == 1


async def test_a_job_that_waits_for_a_slot_has_not_started() -> None:
    engine = SketchEngine()
    io = RecordingIO()
    async with (
        stuck(engine, "mallory", jobs=1),
        stuck(engine, "trudy", jobs=1),
        running(engine.run(a_request("alice"), io)) as (waiting,),
    ):
        await settle(100)
        assert (io.waits, io.fractions, waiting.done()) == (1, [], False)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len((await engine.run(a_request("alice"), RecordingIO())).artifacts) == 1


async def test_inputs_that_never_arrive_block_nobody() -> None:
    engine = SketchEngine()
    hanging = [HangingIO() for _ in range(8)]
    jobs = [engine.run(a_request("mallory", image_url=URL), io) for io in hanging]
    async with running(*jobs):
        for one in hanging:
            await one.is_asked.wait()
        io = RecordingIO({URL: a_picture()})
        made = await engine.run(a_request("alice", image_url=URL), io)
    assert len(made.artifacts) == 1


async def test_an_image_that_takes_too_long_fails_only_its_own_job() -> None:
    engine = SketchEngine(read_s_max=0.0)
    with pytest.raises(EngineError, match=r"input image takes longer to read than its .* s limit"):
        await engine.run(a_request("mallory", image_url=URL), RecordingIO({URL: a_picture()}))
    assert len((await engine.run(a_request("alice"), RecordingIO())).artifacts) == 1


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("image", {"image_url": URL}),
        ("image", {"style_images": [{"url": URL, "strength": 0.5}]}),
        ("video", {"start_image": URL}),
        ("enhance", {"image_url": URL}),
        ("style", {"urls": [URL]}),
    ],
)
async def test_a_jpeg_with_too_many_scans_is_refused_everywhere(
    kind: str, fields: dict[str, Any]
) -> None:
    io = RecordingIO({URL: hostile.jpeg_with_scans(2_000, size=(2000, 1500))})
    with pytest.raises(EngineError, match=r"has 2000 scans; at most 100 are decoded"):
        await SketchEngine().run(a_request("mallory", kind=kind, **fields), io)
