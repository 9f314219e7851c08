"""Water: a reflection of the image above it, broken by waves, and the path of light."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ringback.engines.sketch.canvas import Canvas, between, blank, noise, outline, step, tint
from ringback.engines.sketch.palette import mix


def water(canvas: Canvas) -> None:
    """Draw the reflection below the horizon, in waves that grow towards the viewer."""
    top = int(canvas.height * (canvas.horizon + (0.13 if canvas.scene.kind == "lake" else 0.0)))
    rows = canvas.height - top
    if rows < 8:
        return
    calm = canvas.scene.kind == "lake" and canvas.scene.weather not in ("storm", "rain")
    depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    waves = noise(canvas.rng, canvas.width, rows, cells=(5, 26), octaves=4, roughness=0.6) - 0.5
    reach = np.float32((0.03 if calm else 0.14) * canvas.height)
    source = top - 1 - np.arange(rows, dtype=np.float32)[:, None] * np.float32(min(1.0, top / rows))
    source = source + waves * reach * (np.float32(0.15) + depth)
    sway = waves * np.float32((0.006 if calm else 0.02) * canvas.width) * (np.float32(0.2) + depth)
    columns = np.arange(canvas.width, dtype=np.float32)[None, :] + sway
    at = np.clip(source, 0, top - 1).astype(np.int32) * np.int32(canvas.width)
    at += np.clip(columns, 0, canvas.width - 1).astype(np.int32)
    mirrored = blank(canvas.width, rows)
    for plane in range(3):
        mirrored[..., plane] = canvas.pixels[:top, :, plane].ravel()[at]
    palette = canvas.palette
    deep = mix(palette.zenith, palette.shade, 0.55)
    share = np.float32(0.22 if calm else 0.35) + np.float32(0.35) * depth
    surface = between(mirrored, deep, share)
    crest = step(waves, 0.12, 0.42) * (np.float32(0.10) + np.float32(0.25) * depth)
    surface = between(surface, mix(palette.horizon, palette.sun, 0.5), crest)
    canvas.paint(surface, np.ones((rows, canvas.width), dtype=np.float32), top)
    _path_of_light(canvas, top, rows)


def islands(canvas: Canvas) -> None:
    """Draw a far, pale coast on the horizon."""
    line = outline(canvas.rng, canvas.width, cells=1.7, octaves=7, roughness=0.5)
    line = np.float32(canvas.horizon) - np.maximum(line - np.float32(0.12), 0) * np.float32(0.17)
    edge = 1.5 / canvas.height
    cover = step(canvas.down - line[None, :], -edge, edge) * (canvas.down < canvas.horizon)
    canvas.paint(mix(canvas.palette.horizon, canvas.palette.shade, 0.42), cover)


def sails(canvas: Canvas) -> None:
    """Draw a few sailing boats, larger when nearer."""
    image = Image.new("L", (canvas.width * 2, canvas.height * 2), 0)
    draw = ImageDraw.Draw(image)
    for _ in range(int(canvas.rng.integers(1, 4))):
        near = float(canvas.rng.uniform(0.02, 0.16))
        x = float(canvas.rng.uniform(0.12, 0.88)) * image.width
        y = (canvas.horizon + near) * image.height
        tall = (0.045 + 0.6 * near) * image.height
        draw.polygon(
            [(x, y - tall), (x, y - tall * 0.12), (x + tall * 0.42, y - tall * 0.14)], fill=255
        )
        draw.polygon(
            [
                (x - tall * 0.04, y - tall * 0.85),
                (x - tall * 0.04, y - tall * 0.14),
                (x - tall * 0.30, y - tall * 0.16),
            ],
            fill=215,
        )
        draw.polygon(
            [
                (x - tall * 0.36, y - tall * 0.08),
                (x + tall * 0.48, y - tall * 0.08),
                (x + tall * 0.34, y),
                (x - tall * 0.26, y),
            ],
            fill=255,
        )
    reduced = image.resize((canvas.width, canvas.height), Image.Resampling.BOX)
    cover = np.asarray(reduced, dtype=np.float32) / np.float32(255)
    canvas.paint(mix(canvas.palette.shade, canvas.palette.horizon, 0.12), cover * np.float32(0.92))


def _path_of_light(canvas: Canvas, top: int, rows: int) -> None:
    if canvas.scene.weather in ("rain", "storm", "fog"):
        return
    depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    width = np.float32(0.022) + np.float32(0.10) * depth
    away = (canvas.across - np.float32(canvas.sun[0])) / width
    glints = noise(canvas.rng, canvas.width, rows, cells=(24, 70), octaves=2, roughness=0.7)
    strength = np.exp(-away * away) * step(glints, 0.5, 0.72) * (np.float32(0.9) - 0.5 * depth)
    canvas.pixels[top:] += tint(canvas.palette.sun, strength * np.float32(0.75))
