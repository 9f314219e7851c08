"""Land: ridges that fade with distance, dunes with a lit and a shaded side, meadows."""

from __future__ import annotations

import numpy as np

from ringback.engines.sketch.canvas import Canvas, Field, between, noise, outline, step, tint
from ringback.engines.sketch.palette import Colour, mix, rgb


def _slope(canvas: Canvas, line: Field, *, softness: float = 1.5) -> Field:
    """Return the coverage of the area below a line."""
    edge = softness / canvas.height
    return step(canvas.down - line[None, :], -edge, edge)


RANGES = 4
HILLS = 3
DUNES = 5


def mountains(canvas: Canvas) -> None:
    """Draw mountain ranges, paler with distance, with snow and lit flanks on the near ones."""
    for depth in range(RANGES):
        mountain_range(canvas, depth)


def mountain_range(canvas: Canvas, depth: int) -> None:
    """Draw one mountain range; the farthest is drawn first."""
    palette, rng = canvas.palette, canvas.rng
    light_from_left = canvas.sun[0] < 0.5
    near = depth / (RANGES - 1)
    base = canvas.horizon - 0.03 + 0.13 * near
    rise = (0.20, 0.25, 0.20, 0.12)[depth]
    line = outline(rng, canvas.width, cells=2.2 + 1.5 * near, octaves=8, roughness=0.48)
    line = np.float32(base) - np.float32(rise) * (1 - np.abs(line) * np.float32(1.5))
    cover = _slope(canvas, line)
    colour = mix(palette.horizon, palette.shade, 0.22 + 0.68 * near**0.8)
    if palette.is_dark:
        colour = mix(palette.middle, palette.shade, 0.25 + 0.75 * near)
    top = max(0, int(canvas.height * float(line.min())) - 2)
    under = (canvas.down - line[None, :])[top:]
    crags = noise(rng, canvas.width, canvas.height - top, cells=(13, 8), octaves=5, roughness=0.62)
    shift = max(1, canvas.width // 220)
    relief = np.roll(crags, shift if light_from_left else -shift, axis=1) - crags
    lit = step(relief + _tilt(line, light_from_left), -0.06, 0.11)
    bright = mix(colour, palette.sun, 0.30 * (1 - 0.5 * near))
    fade = np.exp(-np.maximum(under, 0) * np.float32(6))
    canvas.paint(between(colour, bright, lit * fade), cover[top:], top)
    if depth in (1, 2) or canvas.scene.season == "winter":
        depth_of_snow = 0.05 if canvas.scene.season != "winter" else 0.16
        snow = 1 - step(under + (crags - 0.5) * np.float32(0.10), 0.0, depth_of_snow)
        white = mix(rgb(0.96, 0.97, 1.0), palette.sun, 0.25) * np.float32(
            0.35 if palette.is_dark else 0.95
        )
        shaded = mix(white, palette.middle, 0.5)
        canvas.paint(
            between(shaded, white, lit), snow * cover[top:] * np.float32(0.8 - 0.3 * near), top
        )
    _mist(canvas, base + 0.03, 0.05, 0.35 * (1 - near))


def _tilt(line: Field, light_from_left: bool) -> Field:
    smooth = np.convolve(np.pad(line, 6, mode="edge"), np.ones(13) / 13, mode="valid")
    rise = np.asarray(np.gradient(smooth), dtype=np.float32) * np.float32(9)
    return (-rise if light_from_left else rise)[None, :]


def _mist(canvas: Canvas, at: float, spread: float, strength: float) -> None:
    band = np.exp(-(((canvas.down - np.float32(at)) / np.float32(spread)) ** 2))
    cover = np.broadcast_to(band * np.float32(strength), (canvas.height, canvas.width))
    canvas.paint(mix(canvas.palette.horizon, canvas.palette.middle, 0.3), cover)


def hills(canvas: Canvas) -> None:
    """Draw soft, green hills."""
    for depth in range(HILLS):
        hill(canvas, depth)


def hill(canvas: Canvas, depth: int) -> None:
    """Draw one line of hills; the farthest is drawn first."""
    palette, rng = canvas.palette, canvas.rng
    near = depth / (HILLS - 1)
    line = outline(rng, canvas.width, cells=1.6 + depth, octaves=4, roughness=0.4)
    line = np.float32(canvas.horizon + 0.01 + 0.12 * near) - np.float32(0.06) * line
    colour = mix(mix(palette.horizon, palette.growth, 0.55 + 0.3 * near), palette.shade, 0.2 * near)
    texture = noise(rng, canvas.width, canvas.height, cells=(14, 16), octaves=4, roughness=0.7)
    shades = tint(colour, np.float32(0.78) + np.float32(0.44) * texture)
    canvas.paint(shades, _slope(canvas, line))


def dunes(canvas: Canvas) -> None:
    """Draw dunes, each with a lit and a shaded side."""
    for depth in range(DUNES):
        dune(canvas, depth)


def dune(canvas: Canvas, depth: int) -> None:
    """Draw one line of dunes; the farthest is drawn first."""
    palette, rng = canvas.palette, canvas.rng
    near = depth / (DUNES - 1)
    line = outline(rng, canvas.width, cells=1.1 + 0.5 * (4 - depth), octaves=3, roughness=0.35)
    line = (
        np.float32(canvas.horizon - 0.02 + 0.42 * near**1.5) - np.float32(0.07 + 0.06 * near) * line
    )
    below = canvas.down - line[None, :]
    fold = outline(rng, canvas.width, cells=2.0, octaves=3, roughness=0.4)[None, :]
    dark = step(fold * np.float32(0.12) + np.float32(0.07) - below, -0.01, 0.03) * step(
        fold, -0.1, 0.25
    )
    ripple = np.sin(
        (below * np.float32(260 - 120 * near) + fold * np.float32(18)) * np.float32(1.0)
    ) * np.float32(0.025 * near)
    light = mix(palette.horizon, mix(palette.earth, palette.sun, 0.25), 0.35 + 0.55 * near)
    shadow = mix(light, palette.shade, 0.55)
    sand = tint(between(light, shadow, dark), 1 + ripple)
    canvas.paint(sand, _slope(canvas, line))


def meadow(canvas: Canvas) -> None:
    """Draw a meadow with flowers in the foreground."""
    palette, rng = canvas.palette, canvas.rng
    top = int(canvas.height * (canvas.horizon + 0.12))
    rows = canvas.height - top
    if rows < 8:
        return
    depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    blades = noise(rng, canvas.width, rows, cells=(60, 6), octaves=3, roughness=0.8)
    colour = palette.growth * np.float32(1.15)
    shades = np.float32(1.15) - np.float32(0.55) * depth
    ground = tint(colour, shades * (np.float32(0.65) + np.float32(0.7) * blades))
    canvas.paint(ground, np.broadcast_to(step(depth, 0.0, 0.10), (rows, canvas.width)), top)
    if canvas.scene.season != "winter":
        _flowers(canvas, top, _petals(canvas))


_HEART = rgb(0.98, 0.80, 0.25)
_DOT = np.zeros((2, 1, 1))


def _petals(canvas: Canvas) -> list[Colour]:
    named = [rgb(*colour) for colour in canvas.scene.colours]
    return named or [rgb(0.95, 0.85, 0.3), rgb(0.93, 0.45, 0.5), rgb(0.9, 0.9, 0.97)]


def _flowers(canvas: Canvas, top: int, petals: list[Colour]) -> None:
    rng = canvas.rng
    rows = canvas.height - top
    dim = 0.3 if canvas.palette.is_dark else 0.95
    for number, depth in enumerate(np.sort(rng.random(520)) ** 1.8):
        size = max(1, int((0.003 + 0.024 * depth) * canvas.height))
        y = top + max(0, int(depth * (rows - size - 1)))
        x = max(0, int(rng.random() * (canvas.width - size - 1)))
        flower = petals[number % len(petals)] * np.float32(dim * rng.uniform(0.75, 1.0))
        part = canvas.pixels[y : y + size, x : x + size]
        # Five petals around a centre: five waves around the middle.
        down, across = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j] if size > 2 else _DOT
        reach = np.hypot(across, down)
        petal = 0.72 + 0.26 * np.cos(5 * np.arctan2(down, across) + number)
        heart = (reach < 0.26)[..., None] * (_HEART * np.float32(dim) - flower)
        cover = np.clip((petal - reach) * size / 3 + 0.5, 0, 1).astype(np.float32)
        part += tint(flower + heart - part, cover * np.float32(0.92))
