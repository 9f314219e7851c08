"""The filters: each works on what lies near, so that tiles with a rim give what the whole would."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

RIM = 16
"""Pixels around a tile that the filters may look at."""

_LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)
_DENOISE_RADIUS = 2
_DETAIL_RADIUS = 6
_BLOCK = 8


def luma(pixels: Plane) -> Plane:
    """Return the lightness of pixels (H, W, 3)."""
    return np.asarray(pixels @ _LUMA, dtype=np.float32)


def boxed(plane: Plane, radius: int) -> Plane:
    """Return the mean of each pixel's surroundings; beyond the edge, the edge goes on."""
    size = 2 * radius + 1
    for axis in (0, 1):
        pad = [(0, 0)] * plane.ndim
        pad[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(plane, pad, mode="edge"), axis=axis, dtype=np.float64)
        after = np.take(sums, range(size, sums.shape[axis]), axis=axis)
        before = np.take(sums, range(sums.shape[axis] - size), axis=axis)
        plane = ((after - before) / size).astype(np.float32)
    return plane


def smoothed(plane: Plane, *, radius: int, noise: float) -> Plane:
    """Return the plane without what varies less than ``noise``; edges stay (a guided filter)."""
    mean = boxed(plane, radius)
    variance = np.maximum(boxed(plane * plane, radius) - mean * mean, 0)
    keep = np.asarray(variance / (variance + np.float32(noise * noise)), dtype=np.float32)
    return boxed(keep, radius) * plane + boxed((1 - keep) * mean, radius)


def denoised(pixels: Plane, strength: float) -> Plane:
    """Return pixels with less noise: a little less in lightness, much less in colour."""
    light = luma(pixels)
    clean = smoothed(light, radius=_DENOISE_RADIUS, noise=0.01 + 0.07 * strength)
    colour = pixels - light[..., None]
    planes = [
        smoothed(colour[..., part], radius=2 * _DENOISE_RADIUS, noise=0.015 + 0.10 * strength)
        for part in range(3)
    ]
    return np.asarray(clean[..., None] + np.stack(planes, axis=-1), dtype=np.float32)


def deblocked(pixels: Plane, strength: float, *, left: int, top: int) -> Plane:
    """Return pixels with the steps between JPEG's blocks levelled, and edges left alone.

    ``left`` and ``top`` say where the pixels lie in the picture, whose blocks begin at its corner.
    """
    pixels = pixels.copy()
    most = np.float32(0.03 + 0.09 * strength)
    for axis, start in ((1, left), (0, top)):
        planes = pixels if axis == 0 else pixels.swapaxes(0, 1)
        first = -start % _BLOCK or _BLOCK
        for edge in range(first, planes.shape[0] - 2, _BLOCK):
            if edge < 2:
                continue
            one, other = planes[edge - 1], planes[edge]
            jump = other - one
            # A step that goes on within the blocks is an edge of the picture itself.
            inside = np.abs(planes[edge - 2] - one) + np.abs(planes[edge + 1] - other)
            level = np.where((np.abs(jump) < most) & (inside < most), jump, 0)
            level *= np.float32(strength)
            planes[edge - 1] += level * np.float32(0.375)
            planes[edge] -= level * np.float32(0.375)
            planes[edge - 2] += level * np.float32(0.125)
            planes[edge + 1] -= level * np.float32(0.125)
    return pixels


def detailed(light: Plane, strength: float) -> Plane:
    """Return what is to be added to a lightness to bring its local contrast out."""
    base = smoothed(light, radius=_DETAIL_RADIUS, noise=0.10)
    fine = np.clip(light - base, -0.12, 0.12)
    return np.asarray(fine * np.float32(0.9 * strength), dtype=np.float32)


def sharpened(light: Plane, strength: float, *, scale: float) -> Plane:
    """Return what is to be added to a lightness to sharpen it, with no bright seams at edges.

    What was enlarged ``scale`` times is soft over as many pixels.
    """
    radius = 1 if scale < 3 else 2
    soft = boxed(boxed(light, radius), radius)
    added = (light - soft) * np.float32(1.6 * strength)
    low, high = _reach(light, radius)
    room = np.float32(0.02 + 0.04 * strength)
    return np.asarray(np.clip(light + added, low - room, high + room) - light, dtype=np.float32)


def vivid(pixels: Plane, strength: float) -> Plane:
    """Return pixels with more colour, the less where there is much."""
    light = luma(pixels)[..., None]
    colour = pixels - light
    much = np.abs(colour).max(axis=-1, keepdims=True)
    gain = 1 + np.float32(0.5 * strength) * np.clip(1 - 2 * much, 0, 1)
    return np.asarray(light + colour * gain, dtype=np.float32)


def grain(rng: np.random.Generator, light: Plane, strength: float) -> Plane:
    """Return fine grain to be added to a lightness: most in the middle tones."""
    raw = rng.standard_normal(light.shape, dtype=np.float32)
    middle = np.clip(4 * light * (1 - light), 0, 1)
    return np.asarray(raw * middle * np.float32(0.035 * strength), dtype=np.float32)


def _reach(plane: Plane, radius: int) -> tuple[Plane, Plane]:
    """Return the least and the greatest of each pixel's surroundings."""
    low = high = plane
    for axis in (0, 1):
        pad = [(0, 0)] * 2
        pad[axis] = (radius, radius)
        lows, highs = np.pad(low, pad, mode="edge"), np.pad(high, pad, mode="edge")
        count = plane.shape[axis]
        shifted = [slice(start, start + count) for start in range(2 * radius + 1)]
        cuts = [(one, slice(None)) if axis == 0 else (slice(None), one) for one in shifted]
        low = np.minimum.reduce([lows[cut] for cut in cuts])
        high = np.maximum.reduce([highs[cut] for cut in cuts])
    return low, high
