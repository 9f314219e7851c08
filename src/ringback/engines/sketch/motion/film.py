"""Encodes frames and sound as an MP4 that browsers play while it loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from PIL import Image

from ringback.engines.sketch.motion.sound import Wave
from ringback.engines.sketch.motion.soundtrack import SoundTrack

# One thread gives reproducible bytes, within one job's memory and cores. x264's macroblock tree is
# off, because with an odd number of blocks it is not reproducible.
_VIDEO = {
    "preset": "veryfast",
    "crf": "21",
    "threads": "1",
    "rc-lookahead": "12",
    "mbtree": "0",
}
FRAMES_MAX = 1_440
"""One minute at 24 frames per second."""
KEY_EVERY_S = 2
"""The longest wait after a seek."""


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
        audio = None if sound is None else SoundTrack(container, sound)
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
                audio.write(until=(number + 1) / rate)
        container.mux(video.encode(None))
        if audio is not None:
            audio.finish()


def _video(container: OutputContainer, size: tuple[int, int], rate: int) -> VideoStream:
    options = {**_VIDEO, "x264-params": "log-level=none"}
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.gop_size = KEY_EVERY_S * rate
    context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
    context.color_range = 1
    return stream
