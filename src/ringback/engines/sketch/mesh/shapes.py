"""Round shapes, and the waves and bumps that make each one different."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ringback.engines.sketch.mesh.sheets import Points
from ringback.engines.sketch.mesh.solids import Shift, Tube

SMOOTH = np.linspace(0, 1, 25)
"""The steps of a round outline, from 0 to 1."""


def limb(
    path: list[tuple[float, float, float]], radii: list[float], *, shift: Shift | None = None
) -> Tube:
    """Return a tube through these points with round ends."""
    knots = np.linspace(0, 1, len(path))
    at = 0.5 - 0.5 * np.cos(np.pi * SMOOTH)  # denser at the ends, which are round
    points = np.asarray(path)
    smooth = [np.interp(at, knots, points[:, axis]) for axis in range(3)]
    ends = np.clip(np.minimum(at, 1 - at) / 0.12, 0, 1)
    radius = np.interp(at, knots, radii) * np.sqrt(1 - (1 - ends) ** 2)
    along = [(float(x), float(y), float(z)) for x, y, z in zip(*smooth, strict=True)]
    return Tube(path=along, radii=[float(one) for one in radius], side=(0, 0, 1), shift=shift)


def ball(
    middle: np.ndarray, radius: float, rng: np.random.Generator, *, rough: float = 0.15
) -> Tube:
    """Return a ball with bumps."""
    radius = float(radius)
    angle = np.pi * SMOOTH
    x, y, z = (float(one) for one in middle)
    return Tube(
        path=[(x, y - radius * float(np.cos(one)), z) for one in angle],
        radii=[radius * float(np.sin(one)) for one in angle],
        is_upright=True,
        shift=bumps(rng, rough * radius, waves=3.5 / radius),
    )


def _waves(rng: np.random.Generator, waves: float) -> Callable[[Points], Points]:
    """Return a smooth field of space, from about -1 to 1."""
    directions = rng.normal(0, 1, (7, 3)).astype(np.float32) * np.float32(waves)
    phases = rng.uniform(0, 2 * np.pi, 7).astype(np.float32)

    def field(points: Points) -> Points:
        total = np.zeros(points.shape[:-1], dtype=np.float32)
        for direction, phase in zip(directions, phases, strict=True):
            total += np.sin(points @ direction + phase)
        return total / np.float32(3)

    return field


def bumps(rng: np.random.Generator, size: float, *, waves: float) -> Shift:
    """Return a shift that raises and lowers points by as much as a size."""
    coarse, fine = _waves(rng, waves), _waves(rng, waves * 3)

    def shift(points: Points, out: Points) -> Points:
        high = np.float32(size) * (coarse(points) + np.float32(0.3) * fine(points))
        return np.asarray(points + out * high[..., None], dtype=np.float32)

    return shift


def scallops(rng: np.random.Generator, size: float) -> Shift:
    """Return a shift that makes rings wavy, by a share of their radius."""
    turn, count = float(rng.uniform(0, 6)), int(rng.integers(7, 12))

    def shift(points: Points, out: Points) -> Points:
        angle = np.arctan2(out[..., 2], out[..., 0])
        wave = np.float32(size) * np.cos(angle * count + np.float32(turn))
        centre = points.mean(axis=1, keepdims=True)
        return np.asarray(centre + (points - centre) * (1 + wave[..., None]), dtype=np.float32)

    return shift


def mountains(rng: np.random.Generator, size: float) -> Shift:
    """Return a shift that raises the ground, except at its foot."""
    coarse, fine = _waves(rng, 2.2), _waves(rng, 7.0)

    def shift(points: Points, out: Points) -> Points:
        flat = points * np.array([1, 0, 1], dtype=np.float32)
        rise = np.float32(size) * (coarse(flat) + np.float32(0.35) * fine(flat))
        # The foot stays where it is, and the ground below is flat.
        inside = np.clip(points[..., 1] * 4 - 0.2, 0, 1)
        moved = points.copy()
        moved[..., 1] = np.maximum(points[..., 1] + rise * inside, np.minimum(points[..., 1], 0.06))
        return moved

    return shift
