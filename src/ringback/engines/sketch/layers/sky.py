"""The sky: its gradient, the sun or moon, stars and clouds."""

from __future__ import annotations

import numpy as np

from ringback.engines.sketch.canvas import Canvas, between, noise, step
from ringback.engines.sketch.palette import mix, rgb

_CLOUDS = {"clear": 0.30, "cloudy": 0.62, "fog": 0.45, "rain": 0.72, "snow": 0.62, "storm": 0.80}

# How visible the sun or moon is; in rain only its glow is.
_DIM = {"fog": 0.45, "snow": 0.35, "rain": 0.0, "storm": 0.0}


def gradient(canvas: Canvas) -> None:
    """Draw the sky's gradient, from the zenith to the horizon and below."""
    palette = canvas.palette
    height = np.clip(canvas.down / np.float32(max(canvas.horizon, 0.05)), 0, 1)
    colours = between(palette.zenith, palette.middle, step(height, 0.0, 0.7))
    canvas.pixels[:] = between(colours, palette.horizon, step(height, 0.35, 1.0))


def sun_or_moon(canvas: Canvas) -> None:
    """Draw the sun, or at night the moon, with its glow."""
    x, y = canvas.sun
    away_x = (canvas.across - np.float32(x)) * np.float32(canvas.width / canvas.height)
    away_y = canvas.down - np.float32(y)
    square_x, square_y = away_x * away_x, away_y * away_y
    far = square_x + square_y
    colour = canvas.palette.sun
    dim = _DIM.get(canvas.scene.weather, 1.0)
    night = canvas.scene.time == "night"
    glow = 0.30 if night else 0.55
    # The exponential of a sum is a product: a row times a column is cheaper than a field.
    near = np.exp(-square_x / np.float32(0.035)) * np.exp(-square_y / np.float32(0.035))
    canvas.shine(colour, np.float32(max(dim, 0.2) * glow) * near)
    if not night:
        wide = np.exp(-square_y / np.float32(0.02)) * np.exp(-square_x / np.float32(0.6))
        canvas.shine(canvas.palette.horizon, np.float32(0.22 * dim) * wide)
    if not dim:
        return
    radius = 0.038 if night else 0.045
    edge = 1.5 / canvas.height
    low, high = (radius - edge) ** 2 if radius > edge else 0.0, (radius + edge) ** 2
    disc = 1 - step(far, low, high)
    bright = mix(colour, rgb(1, 1, 1), 0.45) * np.float32(1.0 if night else 1.8)
    canvas.paint(bright, disc * np.float32(0.97 * dim))
    if night:
        bite = (away_x - np.float32(0.02)) ** 2 + (away_y + np.float32(0.008)) ** 2
        shade = (1 - step(bite, low, high)) * disc
        canvas.paint(mix(canvas.palette.zenith, colour, 0.12), shade * np.float32(0.93))


def stars(canvas: Canvas) -> None:
    """Draw stars in a dark sky."""
    if canvas.scene.time not in ("night", "dusk") and canvas.scene.kind != "space":
        return
    if canvas.scene.weather in ("rain", "storm", "cloudy", "fog"):
        return
    rng = canvas.rng
    many = int(900 * (2.2 if canvas.scene.kind == "space" else 1.0))
    bound = 1.0 if canvas.scene.kind == "space" else canvas.horizon
    xs = rng.random(many) * (canvas.width - 2)
    ys = rng.random(many) ** 1.3 * (canvas.height - 2) * bound
    bright = (rng.random(many) ** 5 * 0.95 + 0.08).astype(np.float32)
    if canvas.scene.time == "dusk":
        bright *= 0.4
    tints = np.stack([rng.uniform(0.8, 1, many), rng.uniform(0.85, 1, many), np.ones(many)], axis=1)
    light = bright[:, None] * tints.astype(np.float32)
    across, down = xs.astype(np.int64), ys.astype(np.int64)
    np.add.at(canvas.pixels, (down, across), light)
    great = bright > 0.45
    for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        np.add.at(
            canvas.pixels,
            (np.maximum(down[great] + dy, 0), np.maximum(across[great] + dx, 0)),
            light[great] * np.float32(0.45),
        )


def clouds(canvas: Canvas) -> None:
    """Draw clouds, lit from the sun's side."""
    amount = _CLOUDS[canvas.scene.weather]
    rows = max(16, int(canvas.height * canvas.horizon))
    field = noise(canvas.rng, canvas.width, rows, cells=(2.5, 5), octaves=5, roughness=0.55)
    cover = step(field, 1 - amount, 1.25 - amount * 0.6)
    fade = np.linspace(1, 0.25, rows, dtype=np.float32)[:, None]
    lit = step(np.roll(field, max(1, rows // 40), axis=0) - field, -0.04, 0.10)
    palette = canvas.palette
    dark = 0.30 if canvas.scene.weather in ("storm", "rain") else 0.62
    under = mix(palette.middle, palette.shade, 1 - dark)
    over = mix(palette.horizon, palette.sun, 0.55)
    if palette.is_dark:
        over, under = mix(palette.middle, over, 0.25), mix(palette.zenith, palette.middle, 0.4)
    canvas.paint(between(under, over, lit), cover * fade * np.float32(0.85))
