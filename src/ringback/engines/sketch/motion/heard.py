"""Sound from strangers' files, decoded in the limited process alone."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from ringback.engines.sketch.motion.decoding import SOUNDS, opened
from ringback.engines.sketch.motion.sound import RATE, Wave

# The decoders of others have seen fewer hostile files.
_CODECS = ("pcm_", "mp3", "aac", "opus", "libopus", "vorbis", "flac")
_UNREADABLE = "A sound cannot be read; send a WAV or MP3 file."


def heard(path: Path, *, seconds: float) -> Wave | None:
    """Return so much of a file's sound for two ears, silence after its end; None if it has none."""
    with opened(path, kinds=SOUNDS, unreadable=_UNREADABLE) as container:
        return _heard(container, max(1, round(seconds * RATE)))


def _heard(container: InputContainer, count: int) -> Wave | None:
    stream = next(iter(container.streams.audio), None)
    if stream is None or not stream.codec_context.name.startswith(_CODECS):
        return None
    sound = np.zeros((2, count), dtype=np.float32)
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
    at = 0
    for frame in container.decode(stream):
        for part in resampler.resample(frame):
            block = part.to_ndarray()[:, : count - at]
            sound[:, at : at + block.shape[1]] = block
            at += block.shape[1]
        if at >= count:
            break
    return np.clip(np.nan_to_num(sound), -1, 1).astype(np.float32)
