"""Putting styles on a picture: its colours become theirs, and its surface as rough as theirs.

The colours are moved by sliced optimal transport (F. Pitié and others, 2007): seen along a few
axes, as many pixels are as far along as there are colours in the palette. That is worked out for a
sample of the pixels and a lattice of all colours, by which every pixel is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ringback.engines.sketch.canvas import Field, grow
from ringback.engines.sketch.style.learned import Learned, share_of
from ringback.engines.sketch.style.texture import brightness, fitted, octaves, spreads

Table = ImageFilter.Color3DLUT
"""What each colour becomes."""

_LATTICE = 25  # colours along each edge of the cube
_TURNS = 10
_SAMPLE = 64
_QUANTILES = np.linspace(0, 1, 33)
_GAIN = (0.4, 2.2)  # how far what is there is made stronger or weaker
_ADDED = (0.8, 0.8, 0.25, 0.0)  # of what an octave is missing still; coarse ones would be blots


def dress(pixels: Field, styles: Sequence[tuple[Learned, float]], rng: np.random.Generator) -> None:
    """Move the pixels towards each style as far as its strength says, or away from it."""
    for style, strength in styles:
        share = share_of(strength)
        if share:
            np.clip(pixels, 0, 1, out=pixels)
            pixels += (_recoloured(pixels, style) - pixels) * np.float32(share)
            _roughen(pixels, style, share, rng)


def table_for(pixels: Field, style: Learned) -> Table:
    """Return by what a picture with these pixels comes into the colours of the style."""
    lattice = _colours_for(_sample(pixels), _palette(style))
    return Table(_LATTICE, lattice.ravel().tolist())


def _recoloured(pixels: Field, style: Learned) -> Field:
    """Return the pixels in the colours of the style."""
    image = Image.fromarray(np.ascontiguousarray((pixels * np.float32(255)).astype(np.uint8)))
    moved = image.filter(table_for(pixels, style))
    return np.asarray(moved, dtype=np.float32) / np.float32(255)


def _colours_for(sample: NDArray[np.float64], palette: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each colour of the lattice becomes, red changing fastest."""
    edge = np.linspace(0, 1, _LATTICE)
    blue, green, red = np.meshgrid(edge, edge, edge, indexing="ij")
    moved = np.stack((red, green, blue), axis=-1).reshape(-1, 3)
    chance = np.random.default_rng(1)  # the same turns for every picture
    for _ in range(_TURNS):
        axes, _ = np.linalg.qr(chance.normal(size=(3, 3)))
        sample, moved, wanted = sample @ axes, moved @ axes, palette @ axes
        for axis in range(3):
            there = np.quantile(sample[:, axis], _QUANTILES)
            there += np.arange(len(there)) * 1e-9  # so that equal ones have an order
            goal = np.quantile(wanted[:, axis], _QUANTILES)
            # Beyond what there is, a colour keeps its distance.
            low, high = goal[0] - there[0], goal[-1] - there[-1]
            for values in (sample, moved):
                at = values[:, axis]
                inside = np.interp(at, there, goal)
                values[:, axis] = np.where(
                    at < there[0], at + low, np.where(at > there[-1], at + high, inside)
                )
        sample, moved = sample @ axes.T, moved @ axes.T
    return np.clip(moved, 0, 1)


def _roughen(pixels: Field, style: Learned, share: float, rng: np.random.Generator) -> None:
    """Make the surface of the pixels as rough, at each octave, as the style's is."""
    values = fitted(brightness(pixels))
    bands = octaves(values)
    change = np.zeros_like(values)
    chance = octaves(rng.standard_normal(values.shape, dtype=np.float32))
    for number, (band, own) in enumerate(zip(bands, spreads(bands), strict=True)):
        wanted = style.bands[number]
        if share < 0:
            change += band * np.float32((_gain(wanted, own) - 1) * -share)
            continue
        gain = _gain(own, wanted)
        change += band * np.float32((gain - 1) * share)
        missing = max(0.0, wanted**2 - (gain * own) ** 2) ** 0.5 * _ADDED[number]
        noise = chance[number]
        change += noise * np.float32(missing * share / max(1e-6, float(noise.std())))
    height, width = pixels.shape[:2]
    pixels += grow(change, width, height)[..., None]


def _gain(own: float, wanted: float) -> float:
    low, high = _GAIN
    return min(high, max(low, wanted / max(1e-4, own)))


def _palette(style: Learned) -> NDArray[np.float64]:
    raw = np.frombuffer(bytes.fromhex(style.palette), np.uint8)
    return raw.reshape(-1, 3).astype(np.float64) / 255


def _sample(pixels: Field) -> NDArray[np.float64]:
    rows = np.linspace(0, pixels.shape[0] - 1, _SAMPLE).astype(int)
    columns = np.linspace(0, pixels.shape[1] - 1, _SAMPLE).astype(int)
    return np.asarray(pixels[np.ix_(rows, columns)], np.float64).reshape(-1, 3)
