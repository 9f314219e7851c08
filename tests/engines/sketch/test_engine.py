"""The sketch engine's contract: previews, results, cancellation, broken processes."""

from __future__ import annotations

import asyncio
import os
import signal
from io import BytesIO

import pytest
from PIL import Image

from ringback.concurrency.process_pool import ProcessPool
from ringback.engines.contract import EngineRequest
from ringback.engines.sketch.engine import SketchEngine
from ringback.engines.sketch.slots import WorkerSlots
from ringback.engines.sketch.tasks import ImageTasks
from ringback.errors import EngineError, EngineProcessDied
from ringback.testing import RecordingIO, settle
from tests.patience import SOON_S
from tests.processes import children


def size_of(io: RecordingIO, name: str) -> tuple[int, int]:
    return Image.open(BytesIO(io.saved[name])).size


def a_request(**changes: object) -> EngineRequest:
    fields = {"prompt": "a harbour in fog", "width": 512, "height": 512, **changes}
    return EngineRequest(
        job_id="j", workspace_id="w", kind="image", model="bfl/flux-1-dev", input=fields
    )


async def test_a_small_preview_comes_before_the_result() -> None:
    io = RecordingIO()
    names = (await SketchEngine().run(a_request(), io)).artifacts
    assert [size_of(io, name) for name in io.previews] == [(128, 128)]
    assert [size_of(io, name) for name in names] == [(512, 512)]
    assert io.fractions == sorted(io.fractions)


async def test_the_requested_number_of_images_is_made_and_they_differ() -> None:
    io = RecordingIO()
    names = (await SketchEngine().run(a_request(num_images=3), io)).artifacts
    assert len({io.saved[name] for name in names}) == 3


async def test_input_images_are_fetched_and_change_the_image() -> None:
    output = BytesIO()
    Image.new("RGB", (32, 32), (255, 0, 0)).save(output, "PNG")
    io = RecordingIO({"https://x.example/a.png": output.getvalue()})
    engine = SketchEngine()
    (plain,) = (await engine.run(a_request(), io)).artifacts
    (red,) = (
        await engine.run(a_request(image_url="https://x.example/a.png", strength=0.2), io)
    ).artifacts
    assert io.saved[plain] != io.saved[red]


async def test_an_input_that_cannot_be_fetched_is_named_with_the_reason_alone() -> None:
    with pytest.raises(
        EngineError, match=r"https://x\.example/gone.* no connection came about\.$"
    ) as raised:
        await SketchEngine().run(a_request(image_urls=["https://x.example/gone"]), RecordingIO())
    assert "secret" not in str(raised.value)


async def test_a_cancelled_run_ends_its_process_at_once() -> None:
    engine, others = SketchEngine(), children()
    await engine.warm()
    (before,) = children() - others
    io = RecordingIO()
    shown = asyncio.Event()
    io.on_preview = shown.set
    run = asyncio.create_task(engine.run(a_request(width=4000, height=4000), io))
    await shown.wait()
    await settle(100)  # until the large picture is being drawn, which takes seconds
    run.cancel()
    async with asyncio.timeout(SOON_S):
        with pytest.raises(asyncio.CancelledError):
            await run
    assert before not in children()
    assert len((await engine.run(a_request(), io)).artifacts) == 1


async def test_a_drawing_process_that_died_idle_does_not_fail_the_next_job() -> None:
    engine, others = SketchEngine(), children()
    await engine.warm()
    (child,) = children() - others
    io = RecordingIO()
    io.on_preview = lambda: os.kill(child, signal.SIGKILL)
    assert len((await engine.run(a_request(), io)).artifacts) == 1


async def test_work_that_kills_its_process_is_reported_as_such_and_the_next_work_succeeds() -> None:
    io = RecordingIO()
    tasks = ImageTasks(WorkerSlots(1).for_job("w", io), io, pool=ProcessPool())
    with pytest.raises(EngineProcessDied):
        await tasks.run(signal.raise_signal, signal.SIGKILL)  # type: ignore[arg-type]
    assert await tasks.run(bytes.upper, b"+next") == b"NEXT"
