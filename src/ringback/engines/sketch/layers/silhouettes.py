"""Things with an outline: trees and buildings, drawn as shapes, the farther the paler."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ringback.engines.sketch.canvas import Canvas, Field, outline
from ringback.engines.sketch.palette import Colour, mix, rgb

_FINE = 2  # shapes are drawn larger and reduced, so that their edges are smooth


def _cover(canvas: Canvas, image: Image.Image) -> Field:
    reduced = image.resize((canvas.width, canvas.height), Image.Resampling.BOX)
    return np.asarray(reduced, dtype=np.float32) / np.float32(255)


def trees(canvas: Canvas) -> None:
    """Stand rows of trees: conifers, and in warm seasons round crowns among them."""
    layers = 4 if canvas.scene.kind == "forest" else 1
    for depth in range(layers):
        near = 1.0 if layers == 1 else depth / (layers - 1)
        _row_of_trees(canvas, near, is_forest=layers > 1)


def _row_of_trees(canvas: Canvas, near: float, *, is_forest: bool) -> None:
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
    leaves = mix(palette.growth, palette.shade, 0.35 + 0.45 * near)
    colour = mix(palette.horizon, leaves, 0.30 + 0.70 * near)
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
    """Build a skyline in three depths, with lit windows when it is dark."""
    for depth in range(3):
        _row_of_houses(canvas, depth / 2)


def _row_of_houses(canvas: Canvas, near: float) -> None:
    rng, palette = canvas.rng, canvas.palette
    width, height = canvas.width * _FINE, canvas.height * _FINE
    walls = Image.new("L", (width, height), 0)
    windows = Image.new("L", (width, height), 0)
    draw, light = ImageDraw.Draw(walls), ImageDraw.Draw(windows)
    foot = int(height * (canvas.horizon + 0.06 + 0.22 * near))
    x = -int(0.02 * width)
    while x < width:
        broad = int(width * float(rng.uniform(0.022, 0.06)) * (1 + 0.7 * near))
        centre = 1 - abs((x + broad / 2) / width - 0.5)
        tall = int(
            height * float(rng.uniform(0.14, 0.46)) * (0.55 + 0.6 * centre) * (1.05 - 0.25 * near)
        )
        top = foot - tall
        draw.rectangle([x, top, x + broad, height], fill=255)
        _roof(draw, rng, x, broad, top, tall)
        _windows(light, rng, (x, top, x + broad, foot), near=near, lit=palette.is_dark)
        x += broad + int(width * float(rng.uniform(0.0, 0.012)))
    colour = mix(palette.horizon, mix(palette.shade, palette.middle, 0.18), 0.35 + 0.6 * near)
    canvas.paint(colour, _cover(canvas, walls))
    canvas.paint(
        _window_light(canvas, colour), _cover(canvas, windows) * np.float32(0.5 + 0.5 * near)
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
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: int, broad: int, top: int, tall: int
) -> None:
    kind = rng.random()
    if kind < 0.25:
        draw.rectangle([x + broad * 0.25, top - tall * 0.08, x + broad * 0.75, top], fill=255)
    elif kind < 0.40:
        draw.polygon([(x, top), (x + broad / 2, top - broad * 0.7), (x + broad, top)], fill=255)
    elif kind < 0.55:
        middle = x + broad / 2
        draw.line([(middle, top), (middle, top - tall * 0.22)], fill=255, width=max(2, broad // 24))


def _windows(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    house: tuple[int, int, int, int],
    *,
    near: float,
    lit: bool,
) -> None:
    left, top, right, bottom = house
    step = max(7, int((right - left) / (5 + 3 * near)))
    pane = max(2, int(step * 0.42))
    chance = 0.52 if lit else 0.75
    for y in range(top + step, bottom - step // 2, step):
        for x in range(left + step // 2, right - pane, step):
            if rng.random() < chance:
                bright = int(rng.uniform(90, 255)) if lit else 130
                draw.rectangle([x, y, x + pane, y + int(pane * 1.3)], fill=bright)
