"""What a clip costs: seconds of one core for each second of it, and how much memory it takes."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from bench.machine import SERVER_CORE, describe, median, pin, say
from ringback.engines.sketch.enhance.enhancement import Enhancement, Treatment
from ringback.engines.sketch.enhance.pipeline import enhance
from ringback.engines.sketch.enhance_video.encodings import ENCODINGS
from ringback.engines.sketch.enhance_video.pipeline import enhance_video
from ringback.engines.sketch.enhance_video.spec import FrameRate, FrameTreatment, VideoEnhancement
from ringback.engines.sketch.motion.camera import Move
from ringback.engines.sketch.motion.clip import make
from ringback.engines.sketch.motion.clip_spec import Clip, ShotSpec
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.render import Drawing, draw_png

_SECONDS = 5
_RATE = 24
_PROMPTS = (
    "mountains at sunset",
    "the sea at dawn",
    "a lake from day into night",
    "a forest in fog",
    "a city in rain at dusk",
    "dunes at noon",
    "a meadow",
    "a galaxy",
    "a portrait",
)

_CLIP_ENHANCEMENTS = (
    ("h264-high", None, 4),
    ("h265-main", None, 5),
    ("h265-main", FrameRate(per_second=60, is_compensated=False), 8),
    ("h265-main", FrameRate(per_second=60), 20),
)


class _Silent:
    def progress(self, fraction: float) -> None:
        """Say nothing."""

    def preview(self, picture: bytes) -> None:
        """Show nothing."""


def clip_s(folder: Path, prompt: str, *, width: int, height: int) -> float:
    """Return the seconds of processor time that a clip with sound takes, encoding included."""
    frames = _SECONDS * _RATE
    clip = Clip(
        out=str(folder / "clip.mp4"),
        prompt=prompt,
        model="bench",
        seed=seed_of(prompt),
        width=width,
        height=height,
        rate=_RATE,
        shots=(ShotSpec(prompt=prompt, frames=frames, move=Move(truck=0.5, dolly=0.3)),),
        has_sound=True,
    )
    started = time.process_time()
    make(clip, _Silent())
    return time.process_time() - started


def enhancement_s(folder: Path, *, width: int, height: int) -> float:
    """Return the seconds of processor time that a picture of a quarter of the sides takes."""
    picture = folder / "picture.png"
    drawing = Drawing(
        prompt="a harbour", seed=1, model="bench", width=width // 4, height=height // 4
    )
    picture.write_bytes(draw_png(drawing))
    enhancement = Enhancement(
        picture=str(picture),
        out=str(folder / "enhanced.jpg"),
        width=width,
        height=height,
        treatment=Treatment(denoise=0.5, deblock=0.5, detail=0.5, sharpen=0.5),
    )
    started = time.process_time()
    enhance(enhancement, _Silent())
    return time.process_time() - started


def clip_enhancement_s(folder: Path, *, encoding: str, rate: FrameRate | None) -> float:
    """Return the processor time of enhancing a clip of 1280 x 720 to 1920 x 1080."""
    video = folder / "clip.mp4"
    enhancement = VideoEnhancement(
        video=str(video),
        out=str(folder / f"enhanced{ENCODINGS[encoding].suffix}"),
        still=str(folder / "still.jpg"),
        model="bench",
        encoding=encoding,
        width=1920,
        height=1080,
        treatment=FrameTreatment(deblock=0.3, denoise=0.3, detail=0.3, sharpen=0.3),
        rate=rate,
    )
    started = time.process_time()
    enhance_video(enhancement, _Silent())
    return time.process_time() - started


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Measure and print."""
    pin(SERVER_CORE)
    print(describe())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for width, height in ((1280, 720), (1920, 1080)):
            costs = [clip_s(folder, one, width=width, height=height) for one in _PROMPTS]
            say(
                f"a second of a clip of {width} x {height}, median over the scenes",
                f"{median(costs) / _SECONDS:.2f} s of one core",
                "< 2",
            )
            say("  the dearest scene", f"{max(costs) / _SECONDS:.2f} s", "< 3")
        say("most memory until here", f"{_peak_mib()} MiB", "< 1024")
        clip_s(folder, _PROMPTS[4], width=1280, height=720)
        for encoding, rate, limit in _CLIP_ENHANCEMENTS:
            seconds = clip_enhancement_s(folder, encoding=encoding, rate=rate)
            named = "" if rate is None else f", {rate.per_second} frames a second"
            say(
                f"a second of a clip of 1280 x 720 made 1920 x 1080, {encoding}{named}",
                f"{seconds / _SECONDS:.2f} s of one core",
                f"< {limit}",
            )
        say("most memory until here", f"{_peak_mib()} MiB", "< 1024")
        for width, height in ((4096, 4096), (9984, 9984)):
            seconds = enhancement_s(folder, width=width, height=height)
            megapixels = width * height / 1e6
            say(
                f"a megapixel of an enhancement to {width} x {height}",
                f"{seconds / megapixels:.2f} s of one core",
                "< 1",
            )
        say("most memory until here", f"{_peak_mib()} MiB", "< 2048")


if __name__ == "__main__":
    main()
