"""Extracts the style features of one image, and combines those of several.

Runs in the drawing process, because the images are untrusted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ringback.engines.sketch.canvas import Field
from ringback.engines.sketch.pictures import decode
from ringback.engines.sketch.style.features import COLOURS_MAX, StyleFeatures
from ringback.engines.sketch.style.texture import brightness, fitted, grain_in, octaves, spreads

_COLOURS = 256  # taken from one image
_SIDE = 48
_GRAIN_SIDE = 768  # grain is measured in the unscaled middle of an image


def extract_features(content: bytes) -> StyleFeatures:
    """Return the features of one image, or raise ``EngineError``."""
    image = decode(content)
    rough = fitted(brightness(_pixels(_at_most(image, 1024))))
    return StyleFeatures(
        palette=_some(_colours(image), _COLOURS).tobytes().hex(),
        bands=spreads(octaves(rough)),
        grain=grain_in(brightness(_pixels(_middle(image)))),
    )


def combine_features(facts: Sequence[StyleFeatures]) -> StyleFeatures:
    """Return the common features of images: all their colours, and their median texture."""
    palettes = [np.frombuffer(bytes.fromhex(one.palette), np.uint8) for one in facts]
    colours = np.concatenate(palettes).reshape(-1, 3)
    bands = np.median([one.bands for one in facts], axis=0)
    return StyleFeatures(
        palette=_some(colours, COLOURS_MAX).tobytes().hex(),
        bands=tuple(float(band) for band in bands),
        grain=float(np.median([one.grain for one in facts])),
    )


def _colours(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8).reshape(-1, 3)


def _some(
    colours: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], count_max: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return at most that many colours, spread evenly from the darkest to the brightest."""
    if len(colours) <= count_max:
        return colours
    weights = np.array((299, 587, 114), np.int64)
    ordered = colours[np.argsort(colours.astype(np.int64) @ weights, kind="stable")]
    indices = np.linspace(0, len(ordered) - 1, count_max).round().astype(int)
    return np.asarray(ordered[indices], np.uint8)


def _at_most(image: Image.Image, side: int) -> Image.Image:
    smaller = image.copy()
    smaller.thumbnail((side, side))
    return smaller


def _middle(image: Image.Image) -> Image.Image:
    width, height = (min(_GRAIN_SIDE, side) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _pixels(image: Image.Image) -> Field:
    return np.asarray(image, dtype=np.float32) / np.float32(255)
