"""Swaying: grass in the wind, the flow of an abstract image, ripples on an input image."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ringback.engines.sketch.canvas import noise
from ringback.engines.sketch.motion.plates import View

_SPAN = 384
_REACH = {"meadow": 0.006, "portrait": 0.030, "ripples": 0.008}
_FROM = {"meadow": 0.55, "portrait": 0.0, "ripples": 0.58}
_SPEED = {"meadow": 0.10, "portrait": 0.022, "ripples": 0.05}
_CELLS = {"meadow": (7.0, 1.6), "portrait": (3.0, 2.5), "ripples": (5.0, 18.0)}


class Sway:
    """Moves pixels to and fro by waves over the lower part of a frame."""

    def __init__(self, view: View, rng: np.random.Generator, *, kind: str) -> None:
        self._view = view
        self._reach = _REACH.get(kind, 0.0) * view[0]
        if not self._reach:
            return
        self._top = int(view[1] * _FROM[kind])
        self._speed = _SPEED[kind]
        rows = view[1] - self._top
        cells = _CELLS[kind]
        self._waves = [
            noise(rng, view[0] + _SPAN, rows, cells=cells, octaves=2) - np.float32(0.5)
            for _ in range(2)
        ]
        depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        self._growth = depth if kind != "portrait" else np.ones_like(depth)
        self._columns = np.arange(view[0], dtype=np.float32)[None, :]
        self._lines = np.arange(rows, dtype=np.float32)[:, None]
        self._is_flow = kind == "portrait"

    def stir(self, frame: Image.Image, seconds: float, *, strength: float = 1.0) -> None:
        """Move the frame's pixels for that moment."""
        if not self._reach:
            return
        width, height = self._view
        rows = height - self._top
        way = seconds * self._speed * width
        one, other = (
            field[:, self._offset(sign * way + start) :][:, :width]
            for field, sign, start in zip(self._waves, (1, -1), (0.0, 170.0), strict=True)
        )
        across = (one + other) * (self._growth * np.float32(self._reach * 2 * strength))
        columns = np.clip(self._columns + across, 0, width - 1).astype(np.int32)
        lines = self._lines
        if self._is_flow:
            lines = np.clip(
                lines + (one - other) * np.float32(self._reach * 1.6 * strength), 0, rows - 1
            )
        source = lines.astype(np.int32) * np.int32(width) + columns
        part = np.asarray(frame.crop((0, self._top, width, height)).convert("RGBA"))
        packed = np.ascontiguousarray(part).view(np.uint32).ravel()
        moved = np.take(packed, source).view(np.uint8).reshape(rows, width, 4)
        frame.paste(Image.fromarray(np.ascontiguousarray(moved[..., :3])), (0, self._top))

    def _offset(self, way: float) -> int:
        around = way % (2 * _SPAN)
        return int(around if around < _SPAN else 2 * _SPAN - around)
