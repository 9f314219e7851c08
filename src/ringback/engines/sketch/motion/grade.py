"""Colour grading of a clip by one lookup table: towards references, or towards a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ringback.engines.sketch.palette import palette_of
from ringback.engines.sketch.reading import Scene

_SIDE = 17
_LEVELS = (0.0, 0.25, 0.5, 0.78, 1.0)
_TOWARDS_REFERENCES = 0.7

Table = NDArray[np.float32]


def towards(frame: Image.Image, references: Sequence[Image.Image]) -> ImageFilter.Color3DLUT:
    """Return the table that gives such frames the colour means and spreads of the references."""
    ours = _colours(frame)
    table = _grid()
    moved = np.zeros_like(table)
    for reference in references:
        style = _colours(reference)
        spread = np.clip((style.std(axis=0) + 0.02) / (ours.std(axis=0) + 0.02), 0.4, 2.0)
        moved += (table - ours.mean(axis=0)) * spread + style.mean(axis=0)
    moved /= len(references)
    return _filter(table + (moved - table) * np.float32(_TOWARDS_REFERENCES))


def as_scene(scene: Scene, *, strength: float, is_grey: bool) -> ImageFilter.Color3DLUT:
    """Return the table that lights any image like the scene: its shadows, middles, highlights."""
    palette = palette_of(scene)
    stops = np.stack(
        [palette.shade * np.float32(0.6), palette.zenith, palette.middle, palette.horizon,
         np.clip(palette.sun * np.float32(1.05), 0, 1)]
    )  # fmt: skip
    # Sorted by lightness, or bright parts would come out darker than dim ones.
    stops = stops[np.argsort(stops.mean(axis=1))]
    table = _grid()
    light = table @ np.array((0.30, 0.59, 0.11), dtype=np.float32)
    toned = np.stack([np.interp(light, _LEVELS, stops[:, part]) for part in range(3)], axis=1)
    exposure = 0.45 + 0.55 * float(palette.horizon.mean() / 0.9)
    dimmed = np.clip(table * np.float32(min(1.0, exposure)), 0, 1)
    graded = dimmed + (toned.astype(np.float32) - dimmed) * np.float32(strength)
    if is_grey:
        grey = graded @ np.array((0.30, 0.59, 0.11), dtype=np.float32)
        graded = np.repeat(grey[:, None], 3, axis=1)
    return _filter(graded)


def _grid() -> Table:
    """Return every colour of the table, red changing fastest, as Pillow orders them."""
    steps = np.linspace(0, 1, _SIDE, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1).reshape(-1, 3)


def _filter(table: Table) -> ImageFilter.Color3DLUT:
    return ImageFilter.Color3DLUT(_SIDE, np.clip(table, 0, 1).ravel().tolist())


def _colours(image: Image.Image) -> Table:
    small = np.asarray(image.convert("RGB").resize((48, 48)), dtype=np.float32)
    return np.asarray(small.reshape(-1, 3) / np.float32(255), dtype=np.float32)
