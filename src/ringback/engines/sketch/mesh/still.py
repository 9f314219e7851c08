"""A still of a mesh: its points and triangles, painted from back to front."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from ringback.engines.sketch.mesh.sheets import Faces, Points

SIDE = 512
_FINE = 2  # drawn larger, then reduced for smooth edges
_SAMPLES_MAX = 24_000_000  # of one still; more would not be visible
_TURN, _TILT = np.radians(32), np.radians(18)
_LIGHT = np.array([-0.45, 0.75, 0.6])
_BACKGROUND = (28, 30, 36)


def still_jpeg(vertices: Points, faces: Faces, colours: np.ndarray, *, side: int = SIDE) -> bytes:
    """Return a JPEG of the mesh; ``colours`` are those of the vertices (n, 3)."""
    output = BytesIO()
    still_image(vertices, faces, colours, side=side).save(output, "JPEG", quality=85)
    return output.getvalue()


def still_image(
    vertices: Points, faces: Faces, colours: np.ndarray, *, side: int = SIDE
) -> Image.Image:
    """Return an image of the mesh from the front, a little above and beside it."""
    length = side * _FINE
    pixels = np.empty((length * length, 3), dtype=np.uint8)
    pixels[:] = _BACKGROUND
    depth = np.full(length * length, -np.inf, dtype=np.float32)
    seen = _seen(vertices.astype(np.float64))
    corners = seen[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    is_front = normals[:, 2] > 0
    corners, normals, faces = corners[is_front], normals[is_front], faces[is_front]
    if len(faces):
        shades = colours[faces].mean(axis=1) * _brightness(normals)[:, None]
        _fill(corners, np.clip(shades, 0, 255).astype(np.uint8), pixels, depth, length)
    image = Image.fromarray(pixels.reshape(length, length, 3))
    return image.reduce(_FINE)


def _seen(vertices: np.ndarray) -> np.ndarray:
    """Return the points as the camera sees them: x right, y up, z nearer, within -1 and 1."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    radius = max(float(np.linalg.norm(high - low)) / 2, 1e-9)
    points = (vertices - (low + high) / 2) / radius
    turn = np.array(
        [[np.cos(_TURN), 0, -np.sin(_TURN)], [0, 1, 0], [np.sin(_TURN), 0, np.cos(_TURN)]]
    )
    tilt = np.array(
        [[1, 0, 0], [0, np.cos(_TILT), -np.sin(_TILT)], [0, np.sin(_TILT), np.cos(_TILT)]]
    )
    return np.asarray(points @ turn.T @ tilt.T)


def _brightness(normals: np.ndarray) -> np.ndarray:
    unit = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    return np.asarray(0.4 + 0.75 * np.clip(unit @ light, 0, 1))


def _fill(
    corners: np.ndarray, shades: np.ndarray, pixels: np.ndarray, depth: np.ndarray, length: int
) -> None:
    """Paint triangles as dense points, nearer ones over farther ones; sizes go in groups."""
    flat = (corners[..., :2] * np.array([0.95, -0.95]) + 1) * (length / 2)
    z = corners[..., 2]
    sides = np.abs(flat - np.roll(flat, 1, axis=1)).max(axis=(1, 2))
    steps = np.ceil(np.clip(sides * 1.5, 1, length * 2)).astype(int)
    left = _SAMPLES_MAX
    levels = 2 ** np.ceil(np.log2(steps)).astype(int)
    for level in np.unique(levels)[::-1]:
        chosen = np.flatnonzero(levels == level)
        weights = _weights(int(level))
        batch = max(1, 2_000_000 // len(weights))
        for start in range(0, len(chosen), batch):
            some = chosen[start : start + batch]
            left -= len(some) * len(weights)
            if left < 0:
                return
            _paint(flat[some], z[some], shades[some], weights, pixels, depth, length)


def _weights(level: int) -> np.ndarray:
    """Return the corners' weights of points that cover a triangle evenly."""
    a, b = np.meshgrid(np.arange(level + 1), np.arange(level + 1), indexing="ij")
    inside = a + b <= level
    one, two = a[inside] / level, b[inside] / level
    return np.stack([1 - one - two, one, two], axis=1)


def _paint(
    flat: np.ndarray,
    z: np.ndarray,
    shades: np.ndarray,
    weights: np.ndarray,
    pixels: np.ndarray,
    depth: np.ndarray,
    length: int,
) -> None:
    spots = np.clip((weights @ flat).astype(np.int32), 0, length - 1)
    index = (spots[..., 1] * length + spots[..., 0]).ravel()
    near = (z @ weights.T).astype(np.float32).ravel()
    np.maximum.at(depth, index, near)
    is_nearest = near >= depth[index]
    owner = np.repeat(np.arange(len(flat)), len(weights))
    pixels[index[is_nearest]] = shades[owner[is_nearest]]
