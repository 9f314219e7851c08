"""Small clips for tests, and readers of their contents."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ringback.engines.sketch.motion.camera import Move
from ringback.engines.sketch.motion.clip import make
from ringback.engines.sketch.motion.clip_spec import Clip, ShotSpec

Pixels = NDArray[np.float32]

SIZE = (160, 96)
FRAMES = 12


class ReporterLog:
    """A progress reporter that keeps its reports."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.previews: list[bytes] = []

    def progress(self, fraction: float) -> None:
        self.fractions.append(fraction)

    def preview(self, picture: bytes) -> None:
        self.previews.append(picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A clip as a player sees it."""

    content: bytes
    frames: list[Pixels]
    video: dict[str, Any]
    audio: dict[str, Any] | None
    seconds: float
    says: dict[str, str]


def a_clip(out: Path, prompt: str = "a lake at dawn", **changes: Any) -> Clip:
    frames = changes.pop("frames", FRAMES)
    move = changes.pop("move", Move(truck=0.5))
    return Clip(
        **{
            "out": str(out),
            "prompt": prompt,
            "model": "kling/kling-1.6",
            "seed": 7,
            "width": SIZE[0],
            "height": SIZE[1],
            "rate": 24,
            "shots": (ShotSpec(prompt=prompt, frames=frames, move=move),),
            **changes,
        }
    )


def made(folder: Path, prompt: str = "a lake at dawn", **changes: Any) -> Film:
    out = folder / "clip.mp4"
    make(a_clip(out, prompt, **changes), ReporterLog())
    return seen(out.read_bytes())


def seen(content: bytes) -> Film:
    """Decode a clip."""
    with av.open(BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        video = {
            "codec": context.name,
            "pix_fmt": context.pix_fmt,
            "size": (context.width, context.height),
            "frames": stream.frames,
            "rate": stream.average_rate,
        }
        audio = None
        if container.streams.audio:
            sound = container.streams.audio[0]
            audio = {"codec": sound.codec_context.name, "channels": sound.codec_context.channels}
        seconds = (container.duration or 0) / 1_000_000
        says = dict(container.metadata)
        frames = [
            np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.float32)
            for frame in container.decode(video=0)
        ]
    return Film(
        content=content, frames=frames, video=video, audio=audio, seconds=seconds, says=says
    )


def boxes(content: bytes) -> list[str]:
    """The names of an MP4's outermost boxes, in their order."""
    names, at = [], 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4])
        names.append(content[at + 4 : at + 8].decode("ascii"))
        at += size if size > 1 else len(content)
    return names


def picture(path: Path, colour: tuple[int, int, int], *, size: tuple[int, int] = SIZE) -> str:
    """A file with a picture: a colour that grows darker to the right."""
    shade = Image.linear_gradient("L").rotate(90).resize(size)
    Image.composite(Image.new("RGB", size, colour), Image.new("RGB", size), shade).save(path)
    return str(path)


def pixels(path: str | Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float32)


def apart(one: Pixels, other: Pixels) -> float:
    """How far two pictures are apart, from 0 to 255."""
    return float(np.abs(one - other).mean())
