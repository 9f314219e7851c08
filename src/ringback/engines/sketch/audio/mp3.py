"""Encodes a sound as an MP3 with its facts, among them the shape that pages draw."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from ringback.engines.sketch.audio.wave import RATE, Stereo
from ringback.files.media.id3 import SHAPE, SHAPE_POINTS

_BITS_PER_S = 160_000
_FRAME_SAMPLES = 1_152
_ENCODER_GAIN = np.float32(1 / 0.95)  # LAME makes every sound quieter by a twentieth


def write_mp3(path: Path, sound: Stereo, metadata: Mapping[str, str]) -> None:
    """Write a sound to a file, in bytes that depend on nothing else."""
    options = {"fflags": "+bitexact", "id3v2_version": "4"}
    with av.open(str(path), "w", format="mp3", options=options) as container:
        container.metadata.update({**metadata, SHAPE: shape_of(sound)})
        stream = container.add_stream("libmp3lame", rate=RATE, layout="stereo")
        stream.bit_rate = _BITS_PER_S
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for start in range(0, sound.shape[1], _FRAME_SAMPLES):
            block = np.ascontiguousarray(sound[:, start : start + _FRAME_SAMPLES] * _ENCODER_GAIN)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate = RATE
            frame.pts = start
            frame.time_base = Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def shape_of(sound: Stereo) -> str:
    """Return the highest levels along a sound, each in two hexadecimal digits."""
    edges = np.linspace(0, sound.shape[1], SHAPE_POINTS + 1).astype(int)
    peaks = [
        float(np.abs(sound[:, start:end]).max()) if end > start else 0.0
        for start, end in pairwise(edges)
    ]
    return bytes(round(255 * min(1.0, peak)) for peak in peaks).hex()
