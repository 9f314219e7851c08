"""Textures: one square image with a cell for each material, or for each picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ringback.engines.sketch.canvas import Field, noise
from ringback.engines.sketch.mesh.sheets import Points
from ringback.engines.sketch.palette import Colour

WORKING_SIDE = 1024
"""Larger textures are drawn at this size and enlarged."""
_MARGIN = 0.03  # of a cell, which no triangle touches: filters mix the colours of neighbours there


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The look of a material."""

    name: str
    colour: Colour
    pattern: str  # one of the names in ``_PATTERNS``
    roughness: float = 0.85
    metal: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """The texture of a mesh: pixels from 0 to 1, roughness and metal, and the cells' names."""

    pixels: Field
    names: tuple[str, ...]
    roughness: tuple[float, ...]
    metal: tuple[float, ...]

    def cell_of(self, name: str) -> int:
        """Return the number of a cell."""
        return self.names.index(name)

    def within_cell(self, uv: Points, cell: int) -> Points:
        """Return coordinates within a cell as coordinates within the texture."""
        across = cells_across(len(self.names))
        inside = _MARGIN + uv * (1 - 2 * _MARGIN)
        column, row = cell % across, cell // across
        placed = [(column + inside[:, 0]) / across, 1 - (row + 1 - inside[:, 1]) / across]
        return np.stack(placed, axis=-1).astype(np.float32)

    def sample(self, uv: Points) -> np.ndarray:
        """Return the colour at coordinates, as bytes (n, 3)."""
        side = self.pixels.shape[0]
        across = np.clip((uv[:, 0] * side).astype(np.int32), 0, side - 1)
        down = np.clip(((1 - uv[:, 1]) * side).astype(np.int32), 0, side - 1)
        return as_bytes(self.pixels[down, across])

    def base_colour(self, side: int) -> Image.Image:
        """Return the base colour, a square with that many pixels a side."""
        return _enlarged(Image.fromarray(as_bytes(self.pixels)), side)

    def roughness_and_metal(self, side: int) -> Image.Image:
        """Return roughness in the green channel and metal in the blue one, as glTF has them."""
        across = cells_across(len(self.names))
        small = np.zeros((across, across, 3), dtype=np.uint8)
        small[..., 1] = 217
        for cell, (rough, metal) in enumerate(zip(self.roughness, self.metal, strict=True)):
            small[cell // across, cell % across, 1:] = round(rough * 255), round(metal * 255)
        return Image.fromarray(small).resize((side, side), Image.Resampling.NEAREST)


def cells_across(count: int) -> int:
    """Return how many cells a row of the texture has."""
    return math.ceil(math.sqrt(count))


def drawn(materials: Sequence[Material], rng: np.random.Generator, *, side: int) -> Atlas:
    """Return the texture of these materials, drawn by their patterns."""
    working = min(side, WORKING_SIDE)
    across = cells_across(len(materials))
    pixels = np.zeros((working, working, 3), dtype=np.float32)
    for cell, material in enumerate(materials):
        top, bottom = (working * (cell // across + end) // across for end in (0, 1))
        left, right = (working * (cell % across + end) // across for end in (0, 1))
        pixels[top:bottom, left:right] = _swatch(material, rng, right - left, bottom - top)
    return Atlas(
        pixels=pixels,
        names=tuple(one.name for one in materials),
        roughness=tuple(one.roughness for one in materials),
        metal=tuple(one.metal for one in materials),
    )


def of_pictures(pictures: dict[str, Image.Image], *, side: int) -> Atlas:
    """Return the texture that shows each picture in a cell of its own, and a plain cell."""
    working = min(side, WORKING_SIDE)
    names = (*pictures, "plain")
    across = cells_across(len(names))
    length = working // across
    front = np.asarray(next(iter(pictures.values())), dtype=np.float32) / 255
    pixels = np.empty((working, working, 3), dtype=np.float32)
    pixels[:] = front.reshape(-1, 3).mean(axis=0) * np.float32(0.8)
    for cell, picture in enumerate(pictures.values()):
        top, left = working * (cell // across) // across, working * (cell % across) // across
        # Its own edge goes on into the margin.
        gap = math.ceil(length * _MARGIN)
        inner = picture.resize((length - 2 * gap, length - 2 * gap), Image.Resampling.LANCZOS)
        framed = np.pad(np.asarray(inner), ((gap, gap), (gap, gap), (0, 0)), mode="edge")
        pixels[top : top + length, left : left + length] = framed / np.float32(255)
    return Atlas(
        pixels=pixels, names=names, roughness=(0.7,) * len(names), metal=(0.0,) * len(names)
    )


def as_bytes(colours: Field) -> np.ndarray:
    """Return colours from 0 to 1 with 8 bits per part."""
    return (np.clip(colours, 0, 1) * 255).astype(np.uint8)


def _enlarged(image: Image.Image, side: int) -> Image.Image:
    if image.width == side:
        return image
    return image.resize((side, side), Image.Resampling.BICUBIC)


def _swatch(material: Material, rng: np.random.Generator, width: int, height: int) -> Field:
    rough = noise(rng, width, height, cells=(5, 5), octaves=5)
    lines, strength = _PATTERNS[material.pattern]
    shade = rough if lines is None else 0.45 * rough + 0.55 * _lines(lines, rng, width, height)
    light = np.float32(1 - strength) + np.float32(2 * strength) * shade
    return np.asarray(material.colour[None, None] * light[..., None], dtype=np.float32)


def _lines(cells: tuple[float, float], rng: np.random.Generator, width: int, height: int) -> Field:
    """Return streaks, or courses of stones with joints where both counts are large."""
    across, down = cells
    if min(across, down) < 4:
        return noise(rng, width, height, cells=cells, octaves=2)
    rows = np.linspace(0, down, height, endpoint=False, dtype=np.float32)[:, None]
    columns = np.linspace(0, across, width, endpoint=False, dtype=np.float32)[None, :]
    columns = (columns + 0.5 * (np.floor(rows) % 2)).astype(np.float32)
    stones = rng.random((math.ceil(down) + 1, math.ceil(across) + 2), dtype=np.float32)
    shade = (
        np.float32(0.45)
        + np.float32(0.4) * stones[np.floor(rows).astype(int), np.floor(columns).astype(int)]
    )
    joint = (rows % 1 < 0.12) | (columns % 1 < 0.06)
    return np.asarray(np.where(joint, np.float32(0.15), shade), dtype=np.float32)


# The lines of each pattern, across and down, and how much it darkens and lightens its colour.
_PATTERNS: dict[str, tuple[tuple[float, float] | None, float]] = {
    "bark": ((28, 2), 0.5),
    "leaves": ((40.0, 40.0), 0.35),
    "bricks": ((10.0, 20.0), 0.3),
    "tiles": ((14.0, 12.0), 0.4),
    "fur": ((60, 3), 0.3),
    "stone": (None, 0.55),
    "grass": ((80.0, 3.0), 0.35),
    "plain": (None, 0.12),
}
