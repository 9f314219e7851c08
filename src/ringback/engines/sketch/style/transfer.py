"""Style transfer: an image gets the colours and the texture of a style.

The colours are moved by sliced optimal transport (F. Pitié and others, 2007): along a few axes, the
distribution of the pixels is matched to that of the palette. It is computed for a sample of the
pixels and for a lattice of all colours, which then serves as a lookup table for every pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ringback.engines.sketch.canvas import Field, grow
from ringback.engines.sketch.style.features import StyleFeatures, share_of
from ringback.engines.sketch.style.texture import brightness, fitted, octaves, spreads

Table = ImageFilter.Color3DLUT
"""A colour lookup table."""

_LATTICE = 25  # colours along each edge of the cube
_TURNS = 10
_SAMPLE = 64
_QUANTILES = np.linspace(0, 1, 33)
_GAIN = (0.4, 2.2)  # the limits of amplification
_ADDED = (0.8, 0.8, 0.25, 0.0)  # noise added to each octave; coarse noise would be blotchy


def apply_styles(
    pixels: Field, styles: Sequence[tuple[StyleFeatures, float]], rng: np.random.Generator
) -> None:
    """Move the pixels towards each style by its strength, or away from it."""
    for style, strength in styles:
        share = share_of(strength)
        if share:
            np.clip(pixels, 0, 1, out=pixels)
            pixels += (_recolour(pixels, style) - pixels) * np.float32(share)
            _roughen(pixels, style, share, rng)


def table_for(pixels: Field, style: StyleFeatures) -> Table:
    """Return the table that gives an image with these pixels the style's colours."""
    lattice = _colours_for(_sample(pixels), _palette(style))
    return Table(_LATTICE, lattice.ravel().tolist())


def _recolour(pixels: Field, style: StyleFeatures) -> Field:
    """Return the pixels with the style's colours."""
    image = Image.fromarray(np.ascontiguousarray((pixels * np.float32(255)).astype(np.uint8)))
    moved = image.filter(table_for(pixels, style))
    return np.asarray(moved, dtype=np.float32) / np.float32(255)


def _colours_for(sample: NDArray[np.float64], palette: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the new colour of each point of the lattice, red changing fastest."""
    edge = np.linspace(0, 1, _LATTICE)
    blue, green, red = np.meshgrid(edge, edge, edge, indexing="ij")
    moved = np.stack((red, green, blue), axis=-1).reshape(-1, 3)
    chance = np.random.default_rng(1)  # the same rotations for every image
    for _ in range(_TURNS):
        axes, _ = np.linalg.qr(chance.normal(size=(3, 3)))
        sample, moved, target = sample @ axes, moved @ axes, palette @ axes
        for axis in range(3):
            source = np.quantile(sample[:, axis], _QUANTILES)
            source += np.arange(len(source)) * 1e-9  # makes the values strictly increasing
            goal = np.quantile(target[:, axis], _QUANTILES)
            # Outside the sampled range, a colour keeps its distance.
            low, high = goal[0] - source[0], goal[-1] - source[-1]
            for values in (sample, moved):
                at = values[:, axis]
                inside = np.interp(at, source, goal)
                values[:, axis] = np.where(
                    at < source[0], at + low, np.where(at > source[-1], at + high, inside)
                )
        sample, moved = sample @ axes.T, moved @ axes.T
    return np.clip(moved, 0, 1)


def _roughen(pixels: Field, style: StyleFeatures, share: float, rng: np.random.Generator) -> None:
    """Give the pixels the style's texture at each octave."""
    values = fitted(brightness(pixels))
    bands = octaves(values)
    change = np.zeros_like(values)
    chance = octaves(rng.standard_normal(values.shape, dtype=np.float32))
    for number, (band, own) in enumerate(zip(bands, spreads(bands), strict=True)):
        target = style.bands[number]
        if share < 0:
            change += band * np.float32((_gain(target, own) - 1) * -share)
            continue
        gain = _gain(own, target)
        change += band * np.float32((gain - 1) * share)
        missing = max(0.0, target**2 - (gain * own) ** 2) ** 0.5 * _ADDED[number]
        noise = chance[number]
        change += noise * np.float32(missing * share / max(1e-6, float(noise.std())))
    height, width = pixels.shape[:2]
    pixels += grow(change, width, height)[..., None]


def _gain(own: float, target: float) -> float:
    low, high = _GAIN
    return min(high, max(low, target / max(1e-4, own)))


def _palette(style: StyleFeatures) -> NDArray[np.float64]:
    raw = np.frombuffer(bytes.fromhex(style.palette), np.uint8)
    return raw.reshape(-1, 3).astype(np.float64) / 255


def _sample(pixels: Field) -> NDArray[np.float64]:
    rows = np.linspace(0, pixels.shape[0] - 1, _SAMPLE).astype(int)
    columns = np.linspace(0, pixels.shape[1] - 1, _SAMPLE).astype(int)
    return np.asarray(pixels[np.ix_(rows, columns)], np.float64).reshape(-1, 3)
