"""Measures texture: the brightness of an image, split into octaves."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ringback.engines.sketch.canvas import Field, grow
from ringback.engines.sketch.style.features import BANDS, TEXTURE_SIDE

_BLOCK = 16


def brightness(pixels: Field) -> Field:
    """Return the brightness of pixels (H, W, 3)."""
    return np.asarray(pixels @ np.array((0.299, 0.587, 0.114), np.float32), np.float32)


def fitted(values: Field) -> Field:
    """Return a field with its longer side reduced to ``TEXTURE_SIDE``."""
    height, width = values.shape
    scale = min(1.0, TEXTURE_SIDE / max(width, height))
    return _sized(values, max(8, round(width * scale)), max(8, round(height * scale)))


def octaves(values: Field) -> list[Field]:
    """Return a field's octaves, the finest first, all at its size."""
    height, width = values.shape
    found, finer = [], values
    for number in range(1, BANDS + 1):
        small = _sized(values, max(2, width >> number), max(2, height >> number))
        coarser = grow(small, width, height)
        found.append(finer - coarser)
        finer = coarser
    return found


def spreads(bands: list[Field]) -> tuple[float, ...]:
    """Return the strength of each octave."""
    return tuple(float(band.std()) for band in bands)


def grain_in(values: Field) -> float:
    """Return the spread of pixel noise in the smoothest parts of the field.

    The mask of second differences (J. Immerkær, 1996) is zero on smooth slopes and straight edges.
    """
    mask = (values[:-2] - 2 * values[1:-1] + values[2:])[:, :-2]
    mask = mask - 2 * (values[:-2] - 2 * values[1:-1] + values[2:])[:, 1:-1]
    mask = np.abs(mask + (values[:-2] - 2 * values[1:-1] + values[2:])[:, 2:])
    rows, columns = (side // _BLOCK for side in mask.shape)
    if not rows or not columns:
        return 0.0
    blocks = mask[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    means = np.sort(blocks.mean(axis=(1, 3)), axis=None)
    return float(np.sqrt(np.pi / 2) / 6 * means[: max(1, len(means) // 2)].mean())


def _sized(values: Field, width: int, height: int) -> Field:
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX), dtype=np.float32)
