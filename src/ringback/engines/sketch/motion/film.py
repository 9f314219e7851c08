"""Encodes frames and sound as an MP4 that browsers play while it loads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from ringback.engines.sketch.motion.sound import RATE

# One thread gives reproducible bytes, within one job's memory and cores. x264's macroblock tree is
# off, because with an odd number of blocks it is not reproducible.
_VIDEO = {
    "preset": "veryfast",
    "crf": "21",
    "threads": "1",
    "rc-lookahead": "12",
    "mbtree": "0",
}
_AUDIO_BITS = 128_000
_AUDIO_SAMPLES = 1024
FRAMES_MAX = 1_440
"""One minute at 24 frames per second."""
_KEY_EVERY_S = 2  # the longest wait after a seek

Wave = NDArray[np.float32]


def write(
    path: Path,
    frames: Iterable[Image.Image],
    *,
    size: tuple[int, int],
    rate: int,
    sound: Wave | None,
    metadata: Mapping[str, str],
) -> None:
    """Encode the frames one by one, interleaved with the sound."""
    with av.open(
        str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
    ) as container:
        container.metadata.update(metadata)
        video = _video(container, size, rate)
        audio = None if sound is None else _audio(container)
        audio_blocks = iter(()) if sound is None else _blocks(sound)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame = frame.reformat(
                *size,
                format="yuv420p",
                dst_colorspace="ITU709",
                interpolation="BICUBIC",
            )
            frame.pts = number
            frame.time_base = Fraction(1, rate)
            container.mux(video.encode(frame))
            if audio is not None:
                # Up to the same time as the frames, so that the two are interleaved in the file.
                _encode(container, audio, audio_blocks, until=(number + 1) / rate)
        container.mux(video.encode(None))
        if audio is not None:
            _encode(container, audio, audio_blocks, until=None)
            container.mux(audio.encode(None))


def _video(container: OutputContainer, size: tuple[int, int], rate: int) -> VideoStream:
    options = {**_VIDEO, "x264-params": "log-level=none"}
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.gop_size = _KEY_EVERY_S * rate
    context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
    context.color_range = 1
    return stream


def _audio(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=RATE, layout="stereo")
    stream.bit_rate = _AUDIO_BITS
    return stream


def _blocks(sound: Wave) -> Iterator[tuple[int, Wave]]:
    for start in range(0, sound.shape[1], _AUDIO_SAMPLES):
        yield start, np.ascontiguousarray(sound[:, start : start + _AUDIO_SAMPLES])


def _encode(
    container: OutputContainer,
    stream: AudioStream,
    audio_blocks: Iterator[tuple[int, Wave]],
    *,
    until: float | None,
) -> None:
    for start, block in audio_blocks:
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = start
        frame.time_base = Fraction(1, RATE)
        container.mux(stream.encode(frame))
        if until is not None and (start + _AUDIO_SAMPLES) / RATE >= until:
            return
