"""Moving water: a reflection of each frame in moving waves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from ringback.engines.sketch.canvas import Canvas, noise, step
from ringback.engines.sketch.motion.camera import Pose
from ringback.engines.sketch.motion.plates import View
from ringback.engines.sketch.palette import Palette, in_bytes, mix

_SHORE_DEPTH = 0.15
_FIXED = 16  # waves are stored in sixteenths of a row
_SPAN = 512  # pixels of a wave field beyond the view, in which it moves to and fro
_SPEEDS = (0.020, -0.031)  # of the width per second


@dataclass(frozen=True, slots=True)
class _Fields:
    """Values that depend on the water's number of rows."""

    base: NDArray[np.int32]  # the row that each row reflects
    growth: NDArray[np.float32]  # the height of the waves there
    deep: Image.Image  # the opacity of the deep water


class Water:
    """The water of one scene."""

    def __init__(self, canvas: Canvas, view: View) -> None:
        scene = canvas.scene
        self._view = view
        self._shore = canvas.horizon + (0.13 if scene.kind == "lake" else 0.0)
        self._canvas_size = (canvas.width, canvas.height)
        self._sun_x = canvas.sun[0]
        self._is_calm = scene.kind == "lake" and scene.weather not in ("storm", "rain")
        self._is_lit = scene.weather not in ("rain", "storm", "fog")
        self._pace = {"storm": 2.2, "rain": 1.5}.get(scene.weather, 1.0)
        self._rows = max(8, int(view[1] * (1.12 - self._shore)) + 40)
        rng = canvas.rng
        self._waves = [_persistent(self._field(rng, (5, 26), 4)) for _ in _SPEEDS]
        self._crests = [_crest(self._field(rng, (9, 40), 3), 0.50, 0.86) for _ in _SPEEDS]
        self._glints = [_crest(self._field(rng, (24, 60), 2), 0.42, 0.70) for _ in _SPEEDS]
        self._light = self._path()
        self._cached: tuple[int, int] = (-1, -1)
        self._fields: _Fields | None = None

    def show(
        self,
        frame: Image.Image,
        pose: Pose,
        palette: Palette,
        *,
        seconds: float,
        sun_x: float | None = None,
        glow: float = 1.0,
    ) -> int:
        """Draw the water from the shore on; return the shore's row."""
        width, height = self._view
        left, upper, _, lower = pose.box(self._canvas_size, self._view, depth=_SHORE_DEPTH)
        scale = height / (lower - upper)
        top = round((self._shore * self._canvas_size[1] - upper) * scale)
        rows = min(height - top, self._rows)
        if rows < 8 or top < 8:
            return height
        fields = self._fields_for(top, rows)
        offsets = [self._offset(speed, seconds) for speed in _SPEEDS]
        surface = self._mirrored(frame, top, rows, fields, offsets)
        surface.paste(in_bytes(mix(palette.zenith, palette.shade, 0.55)), (0, 0), fields.deep)
        crest = _both(self._crests, offsets, (width, rows))
        surface.paste(in_bytes(mix(palette.horizon, palette.sun, 0.5)), (0, 0), crest)
        if self._is_lit and glow > 0.02:
            sun = (self._sun_x if sun_x is None else sun_x) * self._canvas_size[0]
            middle = (sun - left) * scale
            shine = self._shine(int(middle), offsets, (width, rows), glow)
            surface.paste(in_bytes(mix(palette.sun, np.ones(3, np.float32), 0.2)), (0, 0), shine)
        frame.paste(surface, (0, top))
        return top

    def _field(
        self, rng: np.random.Generator, cells: tuple[float, float], octaves: int
    ) -> NDArray[np.float32]:
        """Return noise in perspective: waves are flat and small far away, and larger near."""
        width = self._view[0] + _SPAN
        cells = (cells[0] * width / self._view[0], cells[1])
        flat = noise(rng, width, self._rows, cells=cells, octaves=octaves, roughness=0.6)
        depth = np.linspace(0, 1, self._rows, dtype=np.float32)
        rows = (depth**0.62 * (self._rows - 1)).astype(np.int32)
        return np.asarray(flat[rows], dtype=np.float32)

    def _offset(self, speed: float, seconds: float) -> int:
        way = seconds * speed * self._view[0] * self._pace
        around = (way + 4 * _SPAN) % (2 * _SPAN)
        return int(around if around < _SPAN else 2 * _SPAN - around)

    def _fields_for(self, top: int, rows: int) -> _Fields:
        if self._fields is None or self._cached != (top, rows):
            depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
            reach = (0.04 if self._is_calm else 0.15) * self._view[1]
            base = top - 1 - np.arange(rows, dtype=np.float32) * min(1.0, top / rows)
            share = (0.22 if self._is_calm else 0.35) + 0.35 * depth
            deep = np.broadcast_to(share * np.float32(255), (rows, self._view[0]))
            self._fields = _Fields(
                base=(base * _FIXED).astype(np.int32)[:, None],
                growth=np.float32(reach * _FIXED / 2) * (np.float32(0.15) + depth),
                deep=Image.fromarray(deep.astype(np.uint8)),
            )
            self._cached = (top, rows)
        return self._fields

    def _mirrored(
        self, frame: Image.Image, top: int, rows: int, fields: _Fields, offsets: list[int]
    ) -> Image.Image:
        width = self._view[0]
        above = np.asarray(frame.crop((0, 0, width, top)).convert("RGBA"))
        packed = np.ascontiguousarray(above).view(np.uint32).ravel()
        waves = self._waves[0][:rows, offsets[0] : offsets[0] + width].astype(np.float32)
        waves += self._waves[1][:rows, offsets[1] : offsets[1] + width]
        waves *= fields.growth / np.float32(128)
        moved = waves.astype(np.int32)
        source = (fields.base + moved) >> 4
        np.clip(source, 0, top - 1, out=source)
        columns = np.arange(width, dtype=np.int32)[None, :] + (moved >> (7 if self._is_calm else 6))
        np.clip(columns, 0, width - 1, out=columns)
        source *= np.int32(width)
        source += columns
        mirrored = np.take(packed, source).view(np.uint8).reshape(rows, width, 4)
        return Image.fromarray(np.ascontiguousarray(mirrored[..., :3]))

    def _path(self) -> Image.Image:
        """Return the envelope of the path of light, centred in twice the view's width."""
        depth = np.linspace(0, 1, self._rows, dtype=np.float32)[:, None]
        width = np.float32(0.022) + np.float32(0.11) * depth
        across = np.linspace(-1, 1, self._view[0] * 2, dtype=np.float32)[None, :]
        strength = np.exp(-((across / width) ** 2)) * (np.float32(0.95) - np.float32(0.5) * depth)
        return Image.fromarray((strength * 235).astype(np.uint8))

    def _shine(
        self, middle: int, offsets: list[int], size: tuple[int, int], glow: float
    ) -> Image.Image:
        width, rows = size
        left = width - min(max(middle, 0), width)
        envelope = self._light.crop((left, 0, left + width, rows))
        glints = _both(self._glints, [offsets[1], offsets[0]], size)
        mask = ImageChops.multiply(envelope, glints)
        return mask if glow >= 1 else mask.point([int(value * glow) for value in range(256)])


def _persistent(field: NDArray[np.float32]) -> NDArray[np.int16]:
    return ((field - np.float32(0.5)) * np.float32(256)).astype(np.int16)


def _crest(field: NDArray[np.float32], low: float, high: float) -> Image.Image:
    rows = np.linspace(0.45, 1.0, field.shape[0], dtype=np.float32)[:, None]
    bright = step(field, low, high) * rows * np.float32(255)
    return Image.fromarray(bright.astype(np.uint8))


def _both(fields: list[Image.Image], offsets: list[int], size: tuple[int, int]) -> Image.Image:
    """Return the product of two fields that move against each other, which glitters."""
    one, other = (
        field.crop((offset, 0, offset + size[0], size[1]))
        for field, offset in zip(fields, offsets, strict=True)
    )
    return ImageChops.multiply(one, other)
