"""Closed solids, each made of about as many triangles as are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ringback.engines.sketch.mesh.sheets import Points, Sheet, grid_uv, ring_uv

FACES_MIN = 12
"""The fewest triangles of a solid."""
Shift = Callable[[Points, Points], Points]
"""Moves points (rows, columns, 3); the second argument is their direction from the inside."""


class Solid(Protocol):
    """A closed solid."""

    def sheets(self, faces: int) -> list[Sheet]:
        """Return its sheets, with about that many triangles in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube:
    """Rings around a path; the first and the last ring are points, so that it is closed."""

    path: Sequence[tuple[float, float, float]]
    radii: Sequence[float]
    squash: tuple[float, float] = (1.0, 1.0)  # of the rings: to the side, and across it
    side: tuple[float, float, float] = (1.0, 0.0, 0.0)
    is_upright: bool = False  # the rings lie flat, however the path turns
    shift: Shift | None = None

    def sheets(self, faces: int) -> list[Sheet]:
        """Return its one sheet."""
        path = np.asarray(self.path, dtype=np.float64)
        radii = np.asarray(self.radii, dtype=np.float64)
        steps = np.hypot(np.linalg.norm(np.diff(path, axis=0), axis=1), np.diff(radii))
        length, around = float(steps.sum()), 2 * math.pi * float(radii.max())
        columns, rows = _ring_counts(faces, around / max(length, 1e-6))
        at = np.concatenate([[0.0], np.cumsum(steps)])
        even = np.linspace(0, at[-1], rows + 1)
        centres = np.stack([np.interp(even, at, path[:, axis]) for axis in range(3)], axis=1)
        radius = np.interp(even, at, radii)
        radius[[0, -1]] = 0.0
        across, over = self._frames(centres)
        angle = np.linspace(0, 2 * np.pi, columns + 1)
        out = (
            np.cos(angle)[None, :, None] * across[:, None] * self.squash[0]
            + np.sin(angle)[None, :, None] * over[:, None] * self.squash[1]
        )
        points = (centres[:, None] + radius[:, None, None] * out).astype(np.float32)
        if self.shift is not None:
            points = self.shift(points, out.astype(np.float32))
        # Equal to the last bit, so that programs that weld the points find the solid closed.
        points[:, -1] = points[:, 0]
        points[0], points[-1] = points[0, 0], points[-1, 0]
        return [Sheet(points=points, uv=ring_uv(rows + 1, columns + 1), is_ring=True)]

    def _frames(self, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return two directions across the path, at each of its points."""
        side = np.broadcast_to(np.asarray(self.side), centres.shape)
        if self.is_upright:
            return side, np.broadcast_to(np.array([0.0, 0.0, -1.0]), centres.shape)
        along = np.gradient(centres, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        across = side - (side * along).sum(axis=1, keepdims=True) * along
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        return across, np.cross(along, across)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box with edges along the axes; its sides are the sheets, in the order of ``SIDES``."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]

    def sheets(self, faces: int) -> list[Sheet]:
        """Return its six sheets: front, back, left, right, top and bottom."""
        a, b, c = _box_counts(faces, self.size)
        x, y, z = (
            np.linspace(middle - length / 2, middle + length / 2, count + 1, dtype=np.float32)
            for middle, length, count in zip(self.centre, self.size, (a, b, c), strict=True)
        )
        return [
            _flat(x, y, "xy", z[-1]),
            _flat(x[::-1], y, "xy", z[0]),
            _flat(z, y, "zy", x[0]),
            _flat(z[::-1], y, "zy", x[-1]),
            _flat(x, z[::-1], "xz", y[-1]),
            _flat(x, z, "xz", y[0]),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gable:
    """A roof with two slopes and two gables, its ridge along x; ``centre`` is that of its base."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]

    def sheets(self, faces: int) -> list[Sheet]:
        """Return its five sheets: two slopes, two gables and the base."""
        width, height, depth = self.size
        slope = math.hypot(height, depth / 2)
        a, s, c = _nearest_counts(
            faces,
            (width, slope, depth),
            lambda a, s, c: 4 * a * s + 2 * (2 * s * c - c) + 2 * a * c,
            area=4 * width * slope + 4 * slope * depth + 2 * width * depth,
        )
        x, y, z = self.centre
        xs = np.linspace(x - width / 2, x + width / 2, a + 1, dtype=np.float32)
        zs = np.linspace(z - depth / 2, z + depth / 2, c + 1, dtype=np.float32)
        up = np.linspace(0, 1, s + 1, dtype=np.float32)[:, None]
        ridge = np.float32(z)
        front, back = zs[-1] + (ridge - zs[-1]) * up, zs[0] + (ridge - zs[0]) * up
        level = np.float32(y) + up * np.float32(height)
        level[-1] = np.float32(y + height)
        front[-1] = back[-1] = ridge

        def gable(at: np.float32, start: Points, end: Points) -> Sheet:
            share = np.linspace(0, 1, c + 1, dtype=np.float32)[None, :]
            along = start + (end - start) * share
            along[:, 0], along[:, -1] = start[:, 0], end[:, 0]
            along[0] = zs if start[0, 0] == zs[0] else zs[::-1]
            return _sheet(np.full_like(along, at), np.broadcast_to(level, along.shape), along)

        def slope_of(columns: Points, edge: Points) -> Sheet:
            across = np.broadcast_to(columns, (s + 1, a + 1))
            return _sheet(
                across, np.broadcast_to(level, across.shape), np.broadcast_to(edge, across.shape)
            )

        return [
            slope_of(xs, front),
            slope_of(xs[::-1], back),
            gable(xs[0], back, front),
            gable(xs[-1], front, back),
            _flat(xs, zs, "xz", np.float32(y)),
        ]


def _flat(columns: Points, rows: Points, axes: str, at: np.float32) -> Sheet:
    across, up = np.meshgrid(columns, rows)
    there = {axes[0]: across, axes[1]: up}
    level = np.full_like(across, at)
    return _sheet(there.get("x", level), there.get("y", level), there.get("z", level))


def _sheet(x: Points, y: Points, z: Points) -> Sheet:
    points = np.stack([x, y, z], axis=-1).astype(np.float32)
    return Sheet(points=points, uv=grid_uv(*points.shape[:2]))


def _ring_counts(faces: int, aspect: float) -> tuple[int, int]:
    """Return the columns and rows of a tube: it has two triangles a cell, and one at the poles."""
    ideal = max(3.0, math.sqrt(faces / 2 * aspect))
    best, least = (3, 3), math.inf
    for columns in range(max(3, int(ideal * 0.75)), int(ideal * 1.3) + 3):
        rows = max(2, round(faces / (2 * columns)) + 1)
        off = abs(2 * columns * (rows - 1) - faces) + abs(columns / ideal - 1) * faces * 0.01
        if off < least:
            best, least = (columns, rows), off
    return best


def _box_counts(faces: int, size: tuple[float, float, float]) -> tuple[int, int, int]:
    x, y, z = size
    return _nearest_counts(
        faces,
        size,
        lambda a, b, c: 4 * (a * b + b * c + c * a),
        area=4 * (x * y + y * z + z * x),
    )


def _nearest_counts(
    faces: int,
    size: tuple[float, float, float],
    count: Callable[[int, int, int], int],
    *,
    area: float,
) -> tuple[int, int, int]:
    """Return how often each edge is divided, in proportion to its length."""
    ideal = math.sqrt(faces / area)
    tried = [
        tuple(max(1, round(length * ideal * (0.6 + 0.01 * step))) for length in size)
        for step in range(80)
    ]
    a, b, c = min(tried, key=lambda one: abs(count(*one) - faces))
    return a, b, c
