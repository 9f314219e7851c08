"""The sketch engine's clips and enhancements: processes, stills and inputs."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from PIL import Image

from ringback.engines.contract import EngineRequest
from ringback.engines.sketch.engine import SketchEngine
from ringback.errors import EngineError, EngineProcessDied
from ringback.testing import RecordingIO
from tests.clips import seen
from tests.films import a_crossing
from tests.patience import SOON_S
from tests.processes import children

PICTURE = "https://x.example/a.png"
CLIP = "https://x.example/a.mp4"


def a_picture(size: tuple[int, int] = (64, 48), kind: str = "PNG") -> bytes:
    output = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(output, kind)
    return output.getvalue()


def a_request(**fields: Any) -> EngineRequest:
    small = {"prompt": "a harbour in fog", "width": 160, "height": 96, "frame_num": 16}
    return EngineRequest(
        job_id="j",
        workspace_id="w",
        kind="video",
        model="alibaba/wan-2.1",
        input={**small, **fields},
    )


def enhancing(**fields: Any) -> EngineRequest:
    return EngineRequest(
        job_id="j",
        workspace_id="w",
        kind="enhance",
        model="topaz/standard-enhance",
        input={"image_url": PICTURE, "width": 128, "height": 96, **fields},
    )


def enhancing_clip(**fields: Any) -> EngineRequest:
    return EngineRequest(
        job_id="j",
        workspace_id="w",
        kind="enhance",
        model="topaz/astra",
        input={"video_url": CLIP, "video_output_preset": "h264-high", **fields},
    )


async def test_a_clip_shows_stills_while_it_is_made() -> None:
    io = RecordingIO()
    (name,) = (await SketchEngine().run(a_request(), io)).artifacts
    assert name.endswith(".mp4")
    film = seen(io.saved[name])
    assert (film.video["size"], film.video["frames"], film.video["rate"]) == ((160, 96), 16, 16)
    assert len(io.previews) == 4
    assert all(Image.open(BytesIO(io.saved[one])).format == "JPEG" for one in io.previews)
    assert io.fractions[-1] == 1.0


async def test_a_cancelled_clip_ends_its_process_at_once() -> None:
    others, io = children(), RecordingIO()
    shown = asyncio.Event()
    io.on_preview = shown.set
    long = a_request(width=1280, height=720, frame_num=900)
    run = asyncio.create_task(SketchEngine().run(long, io))
    await shown.wait()
    assert children() - others
    run.cancel()
    async with asyncio.timeout(SOON_S):
        with pytest.raises(asyncio.CancelledError):
            await run
    assert not children() - others


async def test_the_death_of_a_clips_process_is_reported() -> None:
    others, io = children(), RecordingIO()

    def kill() -> None:
        for child in children() - others:
            os.kill(child, signal.SIGKILL)

    io.on_preview = kill
    with pytest.raises(EngineProcessDied):
        await SketchEngine().run(a_request(width=640, height=360, frame_num=400), io)


async def test_an_input_that_is_not_an_image_fails_the_clip_with_one_sentence() -> None:
    io = RecordingIO({PICTURE: b"<svg/>"})
    with pytest.raises(EngineError, match="input image cannot be read"):
        await SketchEngine().run(a_request(start_image=PICTURE), io)
    with pytest.raises(EngineError, match="input video cannot be read"):
        await SketchEngine().run(a_request(start_video=PICTURE), io)
    with pytest.raises(EngineError, match=r"The input sound https://x\.example/gone .* connect\."):
        await SketchEngine().run(a_request(audio_url="https://x.example/gone?secret=1"), io)


async def test_a_clip_that_is_too_long_is_refused_before_its_inputs_are_fetched() -> None:
    with pytest.raises(EngineError, match="too long"):
        await SketchEngine().run(a_request(frame_num=10_000, start_image="x:"), RecordingIO())


@pytest.mark.parametrize(("form", "name"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
async def test_an_image_is_enhanced_to_the_requested_size_and_format(form: str, name: str) -> None:
    io = RecordingIO({PICTURE: a_picture()})
    made = await SketchEngine().run(
        enhancing(width=640, height=480, output_format=form, model="CGI"), io
    )
    image = Image.open(BytesIO(io.saved[made.artifacts[0]]))
    assert (image.size, image.format) == ((640, 480), name)
    assert made.artifacts[0].endswith({"jpg": ".jpeg"}.get(form, f".{form}"))
    assert len(io.previews) == 1
    assert io.fractions == sorted(io.fractions)


async def test_an_enhancement_beyond_the_pixel_limit_is_refused() -> None:
    io = RecordingIO({PICTURE: a_picture()})
    with pytest.raises(EngineError, match="at most 100 megapixels"):
        await SketchEngine().run(enhancing(width=32_000, height=32_000), io)


async def test_a_clip_is_enhanced_with_progress_previews_and_a_still(tmp_path: Path) -> None:
    io = RecordingIO({CLIP: a_crossing(tmp_path / "film.mp4").read_bytes()})
    made = await SketchEngine().run(enhancing_clip(target_width=200), io)
    assert seen(io.saved[made.artifacts[0]]).video["size"] == (200, 120)
    assert made.still is not None
    assert io.saved[made.still].startswith(b"\xff\xd8")
    assert len(io.previews) == 4
    assert io.fractions == sorted(io.fractions)
    assert io.fractions[-1] == 1.0


async def test_a_cancelled_enhancement_of_a_clip_ends_its_process_at_once(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=240).read_bytes()
    others, io = children(), RecordingIO({CLIP: video})
    shown = asyncio.Event()
    io.on_preview = shown.set
    long = enhancing_clip(target_width=1920, frame_interpolation=True, frame_interpolation_fps=60)
    run = asyncio.create_task(SketchEngine().run(long, io))
    await shown.wait()
    assert children() - others
    run.cancel()
    async with asyncio.timeout(SOON_S):
        with pytest.raises(asyncio.CancelledError):
            await run
    assert not children() - others


async def test_a_clip_that_is_none_or_would_be_too_large_fails_with_one_sentence(
    tmp_path: Path,
) -> None:
    io = RecordingIO({CLIP: b"<svg/>"})
    with pytest.raises(EngineError, match="input video cannot be read"):
        await SketchEngine().run(enhancing_clip(), io)
    io = RecordingIO({CLIP: a_crossing(tmp_path / "film.mp4").read_bytes()})
    with pytest.raises(EngineError, match=r"at most 8\.3 megapixels are made\. Ask for"):
        await SketchEngine().run(enhancing_clip(target_width=8000), io)
    with pytest.raises(EngineError, match=r"The input video https://x\.example/gone .* connect\."):
        await SketchEngine().run(enhancing_clip(video_url="https://x.example/gone"), io)


async def test_no_temporary_files_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    io = RecordingIO({PICTURE: a_picture()})
    await SketchEngine().run(a_request(start_image=PICTURE), io)
    await SketchEngine().run(enhancing(), io)
    io = RecordingIO({CLIP: io.saved[next(name for name in io.saved if name.endswith(".mp4"))]})
    await SketchEngine().run(enhancing_clip(), io)
    assert os.listdir(tmp_path) == []


@contextmanager
def a_full_disk() -> Iterator[Path]:
    """Yield a folder without room for results."""
    with TemporaryDirectory() as folder:
        for name in ("clip.mp4", "enhanced.jpg"):
            (Path(folder) / name).symlink_to("/dev/full")
        yield Path(folder)


@pytest.mark.parametrize("kind", ["clip", "enhancement"])
async def test_a_full_disk_is_reported_and_the_job_can_wait(kind: str) -> None:
    io = RecordingIO({PICTURE: a_picture()})
    request = a_request() if kind == "clip" else enhancing()
    with pytest.raises(OSError, match="No space left") as caught:
        await SketchEngine(folder=a_full_disk).run(request, io)
    assert caught.value.errno == errno.ENOSPC
