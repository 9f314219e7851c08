"""The canvas that layers paint on, and its noise functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ringback.engines.sketch.palette import Colour, Palette
from ringback.engines.sketch.reading import Scene

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """An image being drawn: its scene, palette, random generator and pixels (H, W, 3)."""

    scene: Scene
    palette: Palette
    rng: np.random.Generator
    pixels: Field
    horizon: float  # as a fraction of the height, from the top
    sun: tuple[float, float]  # as fractions of the width and height

    @property
    def height(self) -> int:
        """The height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """The width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def down(self) -> Field:
        """Each row's position from 0 at the top to 1, as a column."""
        return np.linspace(0, 1, self.height, dtype=np.float32)[:, None]

    @property
    def across(self) -> Field:
        """Each column's position from 0 at the left to 1, as a row."""
        return np.linspace(0, 1, self.width, dtype=np.float32)[None, :]

    def paint(self, colour: Colour | Field, cover: Field, top: int = 0) -> None:
        """Paint a colour (or pixels) over the rows from ``top`` on, with the opacity ``cover``."""
        first, last = _rows_that_matter(cover)
        part = self.pixels[top + first : top + last]
        if colour.ndim == 3:
            colour = colour[first:last]
        part += tint(colour - part, cover[first:last])

    def shine(self, colour: Colour, strength: Field) -> None:
        """Add light."""
        first, last = _rows_that_matter(strength)
        self.pixels[first:last] += tint(colour, strength[first:last])


def blank(width: int, height: int) -> Field:
    """Return black pixels (H, W, 3), stored by plane.

    Arithmetic on whole rows is many times faster than on interleaved triples.
    """
    return np.zeros((3, height, width), dtype=np.float32).transpose(1, 2, 0)


def tint(colour: Colour | Field, strength: Field) -> Field:
    """Return a colour (or pixels) multiplied by ``strength`` at each pixel."""
    height, width = np.broadcast_shapes(colour.shape[:-1], strength.shape)
    pixels = blank(width, height)
    np.multiply(colour, strength[..., None], out=pixels)
    return pixels


def between(one: Colour | Field, other: Colour | Field, share: Field) -> Field:
    """Return a blend of two colours (or pixels); ``share`` is the other's, from 0 to 1."""
    pixels = tint(other - one, share)
    pixels += one
    return pixels


def _rows_that_matter(cover: Field) -> tuple[int, int]:
    """Return the range of rows with any coverage."""
    rows = np.flatnonzero(cover.max(axis=1) > np.float32(0.004))
    return (int(rows[0]), int(rows[-1]) + 1) if rows.size else (0, 0)


def grow(values: Field, width: int, height: int) -> Field:
    """Return a small field enlarged smoothly."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def noise(
    rng: np.random.Generator,
    width: int,
    height: int,
    *,
    cells: tuple[float, float],
    octaves: int = 4,
    roughness: float = 0.5,
) -> Field:
    """Return fractal noise of about 0 to 1; ``cells`` are the coarsest waves across and down.

    It is made at half the size, because finer detail is added as grain later.
    """
    half = max(8, width // 2), max(8, height // 2)
    total = np.zeros((half[1], half[0]), dtype=np.float32)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        # The same random numbers are used at every size, so that a preview shows the same image.
        columns = max(2, round(cells[0] * 2**octave))
        rows = max(2, round(cells[1] * 2**octave))
        total += weight * grow(rng.random((rows + 1, columns + 1), dtype=np.float32), *half)
        weights += weight
        weight *= roughness
    spread = 0.5 + (total / weights - 0.5) * np.float32(1.7)
    return np.clip(grow(spread, width, height), 0, 1)


def outline(
    rng: np.random.Generator, width: int, *, cells: float, octaves: int = 6, roughness: float = 0.5
) -> Field:
    """Return fractal noise with one value per column, from about -1 to 1."""
    positions = np.linspace(0, 1, width, dtype=np.float32)
    total = np.zeros(width, dtype=np.float32)
    weight = 1.0
    for octave in range(octaves):
        count = max(2, round(cells * 2**octave))
        knots = rng.uniform(-1, 1, count + 2).astype(np.float32)
        position = positions * count
        index = position.astype(np.int32)
        rest = position - index
        ease = rest * rest * (3 - 2 * rest) if octave < 2 else rest
        total += weight * (knots[index] * (1 - ease) + knots[index + 1] * ease)
        weight *= roughness
    return total * np.float32(0.75)


def step(values: Field, low: float, high: float) -> Field:
    """Return 0 below ``low``, 1 above ``high``, and a smooth transition between."""
    share: Field = np.clip((values - low) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)
