"""Film grain: noise in the lightness of every frame, by chance that is the same in each run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PIL import Image

_ROOM = 64  # pixels by which the noise is moved from frame to frame
_STEPS = 256  # of the share of the noise by lightness


class Grain:
    """The grain of one clip."""

    def __init__(self, strength: float, coarseness: float, *, size: tuple[int, int], bits: int):
        self._size, self._bits = size, bits
        self._rng = np.random.default_rng(size)
        self._noise = self._field(strength * (1 << bits), max(1.0, coarseness))
        light = np.linspace(0, 1, 1 << bits)
        # Strongest in the middle tones, and none in black and white.
        self._share = np.round(4 * light * (1 - light) * _STEPS).astype(np.int32)

    def added(self, frame: VideoFrame) -> VideoFrame:
        """Return a copy of a frame with grain."""
        made = VideoFrame(frame.width, frame.height, frame.format.name)
        made.pts, made.duration, made.time_base = frame.pts, frame.duration, frame.time_base
        for plane in range(1, len(frame.planes)):
            self._values(made, plane)[:] = self._values(frame, plane)
        light = self._values(frame, 0)
        x, y = (int(one) for one in self._rng.integers(0, _ROOM, 2))
        noise = self._noise[y : y + self._size[1], x : x + self._size[0]]
        grainy = light + noise * self._share[light] // _STEPS
        self._values(made, 0)[:] = np.clip(grainy, 0, (1 << self._bits) - 1)
        return made

    def _field(self, deviation: float, coarseness: float) -> NDArray[np.int32]:
        """Return the noise of a frame, larger by the room in which it is moved."""
        wide, high = (side + _ROOM for side in self._size)
        small = math.ceil(wide / coarseness), math.ceil(high / coarseness)
        noise = self._rng.standard_normal((small[1], small[0]), dtype=np.float32)
        image = Image.fromarray(noise).resize((wide, high), Image.Resampling.BICUBIC)
        field = np.asarray(image, dtype=np.float32)
        return np.round(field / max(1e-6, float(field.std())) * deviation).astype(np.int32)

    def _values(self, frame: VideoFrame, number: int) -> NDArray[Any]:
        """Return a plane's values, which can be changed."""
        plane = frame.planes[number]
        values = np.frombuffer(memoryview(plane), dtype=np.uint8 if self._bits == 8 else np.uint16)
        return values.reshape(plane.height, -1)[:, : plane.width]
