"""Sheets: grids of points that become triangles, with unit normals and texture coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Faces = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A grid of points (rows, columns, 3); its front is where rows go up and columns right.

    Sheets of one solid share the points of their common edges, so that the solid is closed.
    """

    points: Points
    uv: Points  # (rows, columns, 2), from 0 to 1, with v upwards
    is_ring: bool = False  # the last column lies on the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The arrays of a mesh."""

    vertices: Points
    normals: Points
    uv: Points
    faces: Faces


def grid_uv(rows: int, columns: int) -> Points:
    """Return texture coordinates that spread over the whole of a sheet."""
    across, up = np.meshgrid(
        np.linspace(0, 1, columns, dtype=np.float32), np.linspace(0, 1, rows, dtype=np.float32)
    )
    return np.stack([across, up], axis=-1)


def ring_uv(rows: int, columns: int) -> Points:
    """Return texture coordinates that go forth and back around a ring, so that no seam shows."""
    uv = grid_uv(rows, columns)
    uv[..., 0] = 1 - np.abs(2 * uv[..., 0] - 1)
    return uv


def joined(surfaces: Sequence[Surface]) -> Surface:
    """Return one surface with everything of several."""
    starts = np.cumsum([0, *(len(one.vertices) for one in surfaces)])
    return Surface(
        vertices=np.concatenate([one.vertices for one in surfaces]),
        normals=np.concatenate([one.normals for one in surfaces]),
        uv=np.concatenate([one.uv for one in surfaces]),
        faces=np.concatenate(
            [one.faces + np.int32(at) for one, at in zip(surfaces, starts[:-1], strict=True)]
        ),
    )


def surface_of(sheet: Sheet) -> Surface:
    """Return the triangles of a sheet; those without an area, at a pole, are left out."""
    points = sheet.points
    rows, columns, _ = points.shape
    lower_left, lower_right = points[:-1, :-1], points[:-1, 1:]
    upper_left, upper_right = points[1:, :-1], points[1:, 1:]
    right = np.cross(lower_right - lower_left, upper_right - lower_left)
    left = np.cross(upper_right - lower_left, upper_left - lower_left)
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate(
        [
            np.stack([a, b, c], axis=-1)[_differ(lower_left, lower_right)],
            np.stack([a, c, d], axis=-1)[_differ(upper_left, upper_right)],
        ]
    )
    return Surface(
        vertices=points.reshape(-1, 3),
        normals=_normals(sheet, right, left).reshape(-1, 3),
        uv=sheet.uv.reshape(-1, 2),
        faces=faces,
    )


def _differ(one: Points, other: Points) -> NDArray[np.bool_]:
    different: NDArray[np.bool_] = np.any(one != other, axis=-1)
    return different


def _normals(sheet: Sheet, right: Points, left: Points) -> Points:
    """Return each point's normal: the mean of its triangles', by their areas."""
    normals = np.zeros_like(sheet.points, dtype=np.float64)
    normals[:-1, :-1] += right + left
    normals[:-1, 1:] += right
    normals[1:, 1:] += right + left
    normals[1:, :-1] += left
    if sheet.is_ring:
        normals[:, 0] += normals[:, -1]
        normals[:, -1] = normals[:, 0]
    for row in (0, -1):
        if not np.any(sheet.points[row] != sheet.points[row, 0]):  # a pole
            normals[row] = normals[row].sum(axis=0)
    lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
    normals[lengths[..., 0] < 1e-30] = (0, 1e-30, 0)  # of a point that no triangle has
    return np.asarray(normals / np.maximum(lengths, 1e-30), dtype=np.float32)
