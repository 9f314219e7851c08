"""The filters; each has a limited radius, so that tiles with a rim equal the whole image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

RIM = 16
"""Pixels around a tile that the filters may read."""

_LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)
_DENOISE_RADIUS = 2
_DETAIL_RADIUS = 6
_BLOCK = 8


def luma(pixels: Plane) -> Plane:
    """Return the lightness of pixels (H, W, 3)."""
    return np.asarray(pixels @ _LUMA, dtype=np.float32)


def box_mean(plane: Plane, radius: int) -> Plane:
    """Return the mean around each pixel; the edges are extended outwards."""
    size = 2 * radius + 1
    for axis in (0, 1):
        pad = [(0, 0)] * plane.ndim
        pad[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(plane, pad, mode="edge"), axis=axis, dtype=np.float64)
        after = np.take(sums, range(size, sums.shape[axis]), axis=axis)
        before = np.take(sums, range(sums.shape[axis] - size), axis=axis)
        plane = ((after - before) / size).astype(np.float32)
    return plane


def smooth(plane: Plane, *, radius: int, noise: float) -> Plane:
    """Return the plane without variation below ``noise``, keeping edges (a guided filter)."""
    mean = box_mean(plane, radius)
    variance = np.maximum(box_mean(plane * plane, radius) - mean * mean, 0)
    keep = np.asarray(variance / (variance + np.float32(noise * noise)), dtype=np.float32)
    return box_mean(keep, radius) * plane + box_mean((1 - keep) * mean, radius)


def denoise(pixels: Plane, strength: float) -> Plane:
    """Return pixels with less noise: a little less in lightness, much less in colour."""
    light = luma(pixels)
    clean = smooth(light, radius=_DENOISE_RADIUS, noise=0.01 + 0.07 * strength)
    colour = pixels - light[..., None]
    planes = [
        smooth(colour[..., part], radius=2 * _DENOISE_RADIUS, noise=0.015 + 0.10 * strength)
        for part in range(3)
    ]
    return np.asarray(clean[..., None] + np.stack(planes, axis=-1), dtype=np.float32)


def deblock(pixels: Plane, strength: float, *, left: int, top: int) -> Plane:
    """Return pixels with the steps between JPEG blocks smoothed, and edges kept.

    ``left`` and ``top`` are the offset in the image, at whose corner the blocks begin.
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
            # A step that continues within the blocks is a real edge.
            inside = np.abs(planes[edge - 2] - one) + np.abs(planes[edge + 1] - other)
            level = np.where((np.abs(jump) < most) & (inside < most), jump, 0)
            level *= np.float32(strength)
            planes[edge - 1] += level * np.float32(0.375)
            planes[edge] -= level * np.float32(0.375)
            planes[edge - 2] += level * np.float32(0.125)
            planes[edge + 1] -= level * np.float32(0.125)
    return pixels


def detail(light: Plane, strength: float) -> Plane:
    """Return the change of a lightness that increases its local contrast."""
    base = smooth(light, radius=_DETAIL_RADIUS, noise=0.10)
    fine = np.clip(light - base, -0.12, 0.12)
    return np.asarray(fine * np.float32(0.9 * strength), dtype=np.float32)


def sharpening(light: Plane, strength: float, *, scale: float) -> Plane:
    """Return the change of a lightness that sharpens it without halos at edges.

    An image enlarged ``scale`` times is soft over that many pixels.
    """
    radius = 1 if scale < 3 else 2
    soft = box_mean(box_mean(light, radius), radius)
    added = (light - soft) * np.float32(1.6 * strength)
    low, high = _reach(light, radius)
    room = np.float32(0.02 + 0.04 * strength)
    return np.asarray(np.clip(light + added, low - room, high + room) - light, dtype=np.float32)


def vivid(pixels: Plane, strength: float) -> Plane:
    """Return pixels with more saturation, less so where it is high."""
    light = luma(pixels)[..., None]
    colour = pixels - light
    much = np.abs(colour).max(axis=-1, keepdims=True)
    gain = 1 + np.float32(0.5 * strength) * np.clip(1 - 2 * much, 0, 1)
    return np.asarray(light + colour * gain, dtype=np.float32)


def grain(rng: np.random.Generator, light: Plane, strength: float) -> Plane:
    """Return fine grain for a lightness, strongest in the middle tones."""
    raw = rng.standard_normal(light.shape, dtype=np.float32)
    middle = np.clip(4 * light * (1 - light), 0, 1)
    return np.asarray(raw * middle * np.float32(0.035 * strength), dtype=np.float32)


def _reach(plane: Plane, radius: int) -> tuple[Plane, Plane]:
    """Return the minimum and the maximum around each pixel."""
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
