"""Encodes a sound into a film, block by block beside its frames."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from ringback.engines.sketch.motion.sound import RATE, Wave

_BITS = 128_000
_SAMPLES = 1024


class SoundTrack:
    """The stereo sound of a film that is being written."""

    def __init__(self, container: OutputContainer, sound: Wave, codec: str = "aac") -> None:
        self._container = container
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = _BITS
        self._stream = stream
        self._blocks = _blocks(sound)

    def write(self, *, until: float | None) -> None:
        """Encode the sound up to that many seconds; all that is left without a number."""
        for start, block in self._blocks:
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate = RATE
            frame.pts = start
            frame.time_base = Fraction(1, RATE)
            self._container.mux(self._stream.encode(frame))
            if until is not None and (start + _SAMPLES) / RATE >= until:
                return

    def finish(self) -> None:
        """Encode the rest, and end the track."""
        self.write(until=None)
        self._container.mux(self._stream.encode(None))


def _blocks(sound: Wave) -> Iterator[tuple[int, Wave]]:
    for start in range(0, sound.shape[1], _SAMPLES):
        yield start, np.ascontiguousarray(sound[:, start : start + _SAMPLES])
