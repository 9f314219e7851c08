"""Small films for tests: a disc that crosses a plain, in any codec, size, rate and sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av import AudioStream, VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.float32]

SIZE = (160, 96)


def a_disc(share: float, size: tuple[int, int] = SIZE) -> Image.Image:
    """A frame: a light disc that has crossed so much of a dark, textured plain."""
    image = Image.linear_gradient("L").resize(size).point([60 + v // 4 for v in range(256)])
    frame = Image.merge("RGB", (image, image, image.point([v // 2 for v in range(256)])))
    radius = size[1] // 5
    x, y = radius + share * (size[0] - 2 * radius), size[1] / 2
    box = (x - radius, y - radius, x + radius, y + radius)
    ImageDraw.Draw(frame).ellipse(box, fill=(240, 220, 200))
    return frame


def a_crossing(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 12,
    rate: Fraction | int = 24,
    size: tuple[int, int] = SIZE,
    pix_fmt: str = "yuv420p",
    sound: str | None = None,
    times: Sequence[int] | None = None,
    held: int = 1,
    noise: float = 0.0,
) -> Path:
    """Write the disc's way; ``times`` are in thousandths, ``held`` shows each place so often."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        options = {"crf": "12"} if codec in ("libx264", "libx265") else {}
        stream = container.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        heard = None if sound is None else _tone(container, sound)
        for number in range(frames):
            pixels = np.asarray(a_disc(number // held / max(1, frames // held - 1), size))
            if noise:
                pixels = np.clip(pixels + rng.normal(0, noise, pixels.shape), 0, 255)
            frame = av.VideoFrame.from_ndarray(pixels.astype(np.uint8), format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = 1 / Fraction(rate) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard is not None:
            _encode_tone(container, heard, seconds=float(frames / Fraction(rate)))
    return path


def positions(frames: Sequence[Pixels]) -> list[float]:
    """Where the disc is in each frame, as a share of the width."""
    found = []
    for frame in frames:
        light = np.clip(frame[..., 1].astype(np.float64) - 160, 0, None)
        across = light.sum(axis=0)
        found.append(float((across * np.arange(len(across))).sum() / across.sum() / len(across)))
    return found


def psnr(one: Pixels, other: Pixels) -> float:
    """How near two pictures are, in decibels."""
    error = float(((one - other) ** 2).mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def larger(frame: Image.Image, size: tuple[int, int]) -> Pixels:
    return np.asarray(frame.resize(size, Image.Resampling.LANCZOS), dtype=np.float32)


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time or 0.0 for frame in container.decode(video=0)]


def _tone(container: av.container.OutputContainer, codec: str) -> AudioStream:
    stream = container.add_stream(codec, rate=48_000, layout="stereo")
    assert isinstance(stream, AudioStream)
    return stream


def _encode_tone(
    container: av.container.OutputContainer, stream: AudioStream, *, seconds: float
) -> None:
    wave = np.sin(2 * np.pi * 440 * np.arange(round(48_000 * seconds)) / 48_000) * 0.4
    for start in range(0, len(wave), 1024):
        block = np.repeat(wave[None, start : start + 1024], 2, axis=0).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(block), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
