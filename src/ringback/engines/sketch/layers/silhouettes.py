"""Trees and buildings as silhouettes, paler with distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ringback.engines.sketch.canvas import Canvas, Field, outline
from ringback.engines.sketch.palette import Colour, mix, rgb

ROWS_OF_TREES = 4
ROWS_OF_HOUSES = 3
_FINE = 2  # shapes are drawn larger and reduced for smooth edges


def _cover(canvas: Canvas, image: Image.Image) -> Field:
    return np.asarray(image.reduce(_FINE), dtype=np.float32) / np.float32(255)


def trees(canvas: Canvas) -> None:
    """Draw rows of trees: conifers, and in warm seasons also round crowns."""
    is_forest = canvas.scene.kind == "forest"
    for depth in range(ROWS_OF_TREES) if is_forest else (ROWS_OF_TREES - 1,):
        row_of_trees(canvas, depth)


def row_of_trees(canvas: Canvas, depth: int) -> None:
    """Draw one row of trees; the farthest is drawn first."""
    near, is_forest = depth / (ROWS_OF_TREES - 1), canvas.scene.kind == "forest"
    rng, palette = canvas.rng, canvas.palette
    width, height = canvas.width * _FINE, canvas.height * _FINE
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    ground = canvas.horizon + 0.05 + 0.36 * near**1.4 if is_forest else 0.90
    line = (ground - 0.03 * outline(rng, width, cells=3, octaves=4)) * height
    xs = np.arange(0, width, max(1, width // 64))
    draw.polygon(
        [
            (0, height),
            *((int(x), float(line[x])) for x in xs),
            (width, float(line[-1])),
            (width, height),
        ],
        fill=255,
    )
    size = (0.14 + 0.40 * near) if is_forest else 0.26
    spacing = size * 0.20 * height
    x = -spacing
    while x < width + spacing:
        tall = size * height * float(rng.uniform(0.55, 1.15))
        if is_forest or not 0.3 < x / width < 0.72:
            foot = float(line[int(np.clip(x, 0, width - 1))]) + 4
            round_crown = canvas.scene.season != "winter" and rng.random() < 0.35
            (_crown if round_crown else _conifer)(draw, rng, x, foot, tall)
        x += spacing * float(rng.uniform(0.6, 1.9))
    leaves = mix(palette.growth, palette.shade, 0.15 + 0.55 * near)
    colour = mix(palette.horizon, leaves, 0.40 + 0.60 * near)
    canvas.paint(colour, _cover(canvas, image))
    if is_forest and near < 1:
        away = (canvas.down - np.float32(ground)) / np.float32(0.10)
        mist = np.broadcast_to(np.exp(-away * away), (canvas.height, canvas.width))
        canvas.paint(palette.horizon, mist * np.float32(0.38 * (1 - near)))


def _conifer(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, foot: float, tall: float
) -> None:
    draw.rectangle([x - tall * 0.018, foot - tall * 0.2, x + tall * 0.018, foot], fill=255)
    tiers = 7
    for tier in range(tiers):
        share = tier / tiers
        top = foot - tall * (1 - share * 0.86)
        bottom = top + tall * 0.26
        half = tall * (0.045 + 0.17 * share) * float(rng.uniform(0.85, 1.15))
        draw.polygon([(x, top), (x - half, bottom), (x + half, bottom)], fill=255)


def _crown(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, foot: float, tall: float
) -> None:
    draw.rectangle([x - tall * 0.025, foot - tall * 0.6, x + tall * 0.025, foot], fill=255)
    for _ in range(14):
        radius = tall * float(rng.uniform(0.07, 0.17))
        cx = x + tall * float(rng.normal(0, 0.12))
        cy = foot - tall * float(rng.uniform(0.52, 0.92))
        draw.ellipse([cx - radius, cy - radius, cx + radius, cy + radius], fill=255)


def city(canvas: Canvas) -> None:
    """Draw a skyline in three depths, with lit windows when it is dark."""
    for depth in range(ROWS_OF_HOUSES):
        row_of_houses(canvas, depth)


def row_of_houses(canvas: Canvas, depth: int) -> None:
    """Draw one row of houses; the farthest is drawn first."""
    near = depth / (ROWS_OF_HOUSES - 1)
    rng, palette = canvas.rng, canvas.palette
    width, height = canvas.width * _FINE, canvas.height * _FINE
    walls = Image.new("L", (width, height), 0)
    windows = np.zeros((height, width), dtype=np.uint8)
    draw = ImageDraw.Draw(walls)
    foot = height * (canvas.horizon + 0.06 + 0.22 * near)
    x = -0.02 * width
    while x < width:
        broad = width * float(rng.uniform(0.022, 0.06)) * (1 + 0.7 * near)
        centre = 1 - abs((x + broad / 2) / width - 0.5)
        tall = height * float(rng.uniform(0.14, 0.46))
        tall *= (0.55 + 0.6 * centre) * (1.05 - 0.25 * near)
        top = foot - tall
        draw.rectangle([x, top, x + broad, height], fill=255)
        _roof(draw, rng, x, broad, top, tall)
        _light_windows(
            windows,
            # A separate generator: the number of windows does not move the next house.
            np.random.default_rng(int(rng.integers(2**32))),
            (int(x), int(top), max(int(x) + 2, int(x + broad)), int(foot)),
            columns=round(5 + 3 * near),
            is_dark=palette.is_dark,
        )
        x += broad + width * float(rng.uniform(0.0, 0.012))
    colour = mix(palette.horizon, mix(palette.shade, palette.middle, 0.18), 0.35 + 0.6 * near)
    canvas.paint(colour, _cover(canvas, walls))
    canvas.paint(
        _window_light(canvas, colour),
        _cover(canvas, Image.fromarray(windows)) * np.float32(0.5 + 0.5 * near),
    )
    if near < 1:
        away = (canvas.down - np.float32(foot / height)) / np.float32(0.12)
        haze = np.broadcast_to(np.exp(-away * away), (canvas.height, canvas.width))
        canvas.paint(palette.horizon, haze * np.float32(0.30))


def _window_light(canvas: Canvas, wall: Colour) -> Colour:
    if not canvas.palette.is_dark:
        return mix(wall, canvas.palette.sun, 0.30)
    named = canvas.scene.colours
    return mix(rgb(1.0, 0.84, 0.50), rgb(*named[0]), 0.6) if named else rgb(1.0, 0.84, 0.50)


def _roof(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    x: float,
    broad: float,
    top: float,
    tall: float,
) -> None:
    kind = rng.random()
    if kind < 0.25:
        draw.rectangle([x + broad * 0.25, top - tall * 0.08, x + broad * 0.75, top], fill=255)
    elif kind < 0.40:
        draw.polygon([(x, top), (x + broad / 2, top - broad * 0.7), (x + broad, top)], fill=255)
    elif kind < 0.55:
        middle = x + broad / 2
        draw.line(
            [(middle, top), (middle, top - tall * 0.22)], fill=255, width=max(2, int(broad / 24))
        )


def _light_windows(
    windows: NDArray[np.uint8],
    rng: np.random.Generator,
    house: tuple[int, int, int, int],
    *,
    columns: int,
    is_dark: bool,
) -> None:
    """Light some windows of a house; their number does not depend on the image's size."""
    left, top, right, bottom = house
    pitch = (right - left) / columns
    floors = max(1, int((bottom - top) / pitch))
    lights = rng.uniform(90, 255, (floors + 1, columns)) if is_dark else np.float64(130)
    lights = lights * (rng.random((floors + 1, columns)) < (0.52 if is_dark else 0.75))
    xs = np.arange(max(0, left), min(right, windows.shape[1]))
    ys = np.arange(max(0, top), min(bottom, windows.shape[0]))
    if not (xs.size and ys.size):
        return
    column, across = np.divmod((xs - left) / pitch, 1)
    floor, down = np.divmod((ys - top) / pitch, 1)
    pane = (np.abs(down - 0.5) < 0.28)[:, None] & (np.abs(across - 0.5) < 0.22)[None, :]
    panes = lights[floor.astype(int).clip(0, floors)][:, column.astype(int).clip(0, columns - 1)]
    windows[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1] = panes * pane
