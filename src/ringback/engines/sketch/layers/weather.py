"""Weather in the air, and the finish: vignette and grain."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ringback.engines.sketch.canvas import Canvas, Field, noise, step
from ringback.engines.sketch.palette import mix, rgb

_BAND_ROWS = 32
_BRIGHT = 0.8  # brighter values are compressed into the range below white


def weather(canvas: Canvas) -> None:
    """Draw the scene's weather."""
    match canvas.scene.weather:
        case "fog":
            _fog(canvas, 0.75)
        case "rain":
            _fog(canvas, 0.25)
            _rain(canvas, 420)
        case "storm":
            _lightning(canvas)
            _rain(canvas, 620)
        case "snow":
            _fog(canvas, 0.22)
            _snow(canvas)


def _fog(canvas: Canvas, strength: float) -> None:
    field = noise(canvas.rng, canvas.width, canvas.height, cells=(2, 3), octaves=4)
    away = (canvas.down - np.float32(canvas.horizon + 0.06)) / np.float32(0.28)
    cover = np.exp(-away * away) * (np.float32(0.45) + np.float32(0.55) * field)
    canvas.paint(
        mix(canvas.palette.horizon, canvas.palette.middle, 0.35), cover * np.float32(strength)
    )


def _drawn(canvas: Canvas, image: Image.Image, blur: float) -> np.ndarray:
    soft = image.filter(ImageFilter.GaussianBlur(blur)) if blur else image
    return np.asarray(soft, dtype=np.float32) / np.float32(255)


def _rain(canvas: Canvas, drops: int) -> None:
    image = Image.new("L", (canvas.width, canvas.height), 0)
    draw = ImageDraw.Draw(image)
    for x, y, long, bright in canvas.rng.random((drops, 4)):
        left, top = x * canvas.width * 1.1, (y * 1.2 - 0.2) * canvas.height
        tall = (0.03 + 0.07 * long) * canvas.height
        draw.line(
            [(left, top), (left - tall * 0.22, top + tall)], fill=int(60 + 120 * bright), width=1
        )
    canvas.paint(
        mix(canvas.palette.horizon, rgb(1, 1, 1), 0.4), _drawn(canvas, image, 0.5) * np.float32(0.7)
    )


def _snow(canvas: Canvas) -> None:
    image = Image.new("L", (canvas.width, canvas.height), 0)
    draw = ImageDraw.Draw(image)
    for x, y, size, bright in canvas.rng.random((650, 4)):
        radius = (0.0008 + 0.0042 * size**3) * canvas.height
        left, top = x * canvas.width, y * canvas.height
        box = [left - radius, top - radius, left + radius, top + radius]
        draw.ellipse(box, fill=int(120 + 135 * bright))
    canvas.paint(rgb(0.97, 0.98, 1.0), _drawn(canvas, image, 0.6) * np.float32(0.9))


def _lightning(canvas: Canvas) -> None:
    image = Image.new("L", (canvas.width, canvas.height), 0)
    draw = ImageDraw.Draw(image)
    rng = canvas.rng
    x, y = canvas.width * float(rng.uniform(0.2, 0.8)), 0.0
    end = canvas.height * (canvas.horizon + 0.03)
    while y < end:
        next_x = x + canvas.width * float(rng.normal(0, 0.014))
        next_y = y + canvas.height * float(rng.uniform(0.015, 0.045))
        draw.line([(x, y), (next_x, next_y)], fill=255, width=max(1, canvas.height // 260))
        x, y = next_x, next_y
    across, down = canvas.across - np.float32(x / canvas.width), canvas.down
    flash = np.exp(-across * across / np.float32(0.07)) * np.exp(-down / np.float32(0.45))
    canvas.shine(rgb(0.5, 0.55, 0.8), flash * np.float32(0.42))
    canvas.shine(rgb(0.75, 0.8, 1.0), _drawn(canvas, image, canvas.height / 50) * np.float32(1.6))
    canvas.paint(rgb(0.97, 0.98, 1.0), _drawn(canvas, image, 0.6))


def finish(canvas: Canvas) -> None:
    """Darken the corners and compress the brightest light."""
    light = vignette(canvas)
    # Bands fit into the processor's cache.
    for top in range(0, canvas.height, _BAND_ROWS):
        band = canvas.pixels[top : top + _BAND_ROWS]
        band *= light[top : top + _BAND_ROWS, :, None]
        roll_off(band)


def vignette(canvas: Canvas) -> Field:
    """Return the brightness factor of each pixel: darker corners, more so in grave moods."""
    x, y = canvas.across - np.float32(0.5), canvas.down - np.float32(0.5)
    corner = step(x * x + y * y, 0.10, 0.72)
    strong = 0.42 if canvas.scene.mood in ("dramatic", "sad") else 0.25
    return np.asarray(1 - corner * np.float32(strong), dtype=np.float32)


def roll_off(pixels: Field) -> None:
    """Compress values above white instead of clipping them, because light adds up near the sun."""
    over = np.maximum(pixels - np.float32(_BRIGHT), 0)
    np.minimum(pixels, np.float32(_BRIGHT), out=pixels)
    pixels += np.float32(1 - _BRIGHT) * (1 - np.exp(over / np.float32(_BRIGHT - 1)))
