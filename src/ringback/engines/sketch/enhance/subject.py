"""Estimates the subject of an image from sharpness and position."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from ringback.engines.sketch.canvas import step
from ringback.engines.sketch.enhance.filters import Plane, box_mean

_SIDE = 192


class Subject:
    """The mask of the pixels to treat."""

    def __init__(self, picture: Image.Image, where: str) -> None:
        self._size = picture.size
        small = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        share = _sharp_and_central(small)
        if picture.mode == "RGBA":
            alpha = np.asarray(small.getchannel("A"), dtype=np.float32) / np.float32(255)
            # A transparent background identifies the subject.
            share = alpha if alpha.min() < np.float32(0.5) else share
        if where == "Background":
            share = 1 - share
        self._mask = Image.fromarray((share * np.float32(255)).astype(np.uint8)).filter(
            ImageFilter.GaussianBlur(2)
        )

    def share(self, source: tuple[float, float, float, float], size: tuple[int, int]) -> Plane:
        """Return the mask of a part of the image, at that size."""
        across, down = _SIDE / self._size[0], _SIDE / self._size[1]
        box = (
            max(0.0, source[0] * across),
            max(0.0, source[1] * down),
            min(float(_SIDE), source[2] * across),
            min(float(_SIDE), source[3] * down),
        )
        part = self._mask.resize(size, Image.Resampling.BILINEAR, box=box)
        return np.asarray(part, dtype=np.float32) / np.float32(255)


def _sharp_and_central(small: Image.Image) -> Plane:
    grey = np.asarray(small.convert("L"), dtype=np.float32) / np.float32(255)
    fine = np.abs(grey - box_mean(grey, 2))
    sharp = box_mean(fine, 8)
    sharp = sharp / max(1e-4, float(np.percentile(sharp, 95)))
    positions = np.linspace(-1, 1, _SIDE, dtype=np.float32)
    away = positions[:, None] ** 2 + positions[None, :] ** 2
    return step(np.asarray(sharp * np.exp(-away * np.float32(0.9)), np.float32), 0.15, 0.55)
