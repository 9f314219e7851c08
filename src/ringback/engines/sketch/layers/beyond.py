"""Scenes other than landscapes: space with nebulae and planets, and the abstract portrait."""

from __future__ import annotations

import numpy as np

from ringback.engines.sketch.canvas import Canvas, Field, between, blank, grow, noise, step, tint
from ringback.engines.sketch.palette import Colour, mix, rgb

_NEBULAE = (
    (rgb(0.75, 0.20, 0.55), rgb(0.15, 0.35, 0.85)),
    (rgb(0.95, 0.45, 0.20), rgb(0.45, 0.15, 0.60)),
    (rgb(0.15, 0.70, 0.65), rgb(0.25, 0.20, 0.70)),
)
_PORTRAITS = (
    (rgb(0.95, 0.75, 0.55), rgb(0.85, 0.35, 0.30), rgb(0.20, 0.25, 0.45), rgb(0.96, 0.92, 0.84)),
    (rgb(0.55, 0.75, 0.80), rgb(0.95, 0.60, 0.40), rgb(0.15, 0.20, 0.35), rgb(0.98, 0.90, 0.70)),
    (rgb(0.80, 0.60, 0.85), rgb(0.30, 0.45, 0.75), rgb(0.18, 0.12, 0.30), rgb(1.00, 0.85, 0.80)),
    (rgb(0.70, 0.80, 0.55), rgb(0.90, 0.70, 0.30), rgb(0.12, 0.30, 0.28), rgb(0.97, 0.95, 0.86)),
)


def nebula(canvas: Canvas) -> None:
    """Draw deep space with glowing gas."""
    rng = canvas.rng
    canvas.pixels[:] = rgb(0.012, 0.014, 0.035)
    one, other = _NEBULAE[int(rng.integers(len(_NEBULAE)))]
    if canvas.scene.colours:
        one = rgb(*canvas.scene.colours[0])
        other = rgb(*canvas.scene.colours[-1]) if len(canvas.scene.colours) > 1 else other
    gas = noise(rng, canvas.width, canvas.height, cells=(3, 2), octaves=6, roughness=0.6)
    dust = noise(rng, canvas.width, canvas.height, cells=(4, 3), octaves=6, roughness=0.62)
    lean = float(rng.uniform(-0.5, 0.5))
    band = canvas.down - np.float32(0.5) - np.float32(lean) * (canvas.across - np.float32(0.5))
    density = step(gas, 0.35, 0.95) * np.exp(-(band * band) / np.float32(0.07))
    canvas.pixels[:] += tint(between(other, one, dust), density)
    canvas.pixels[:] += tint(rgb(1.0, 0.92, 0.85), density**3 * np.float32(0.5))
    veil = np.float32(1) - step(dust, 0.58, 0.85) * np.float32(0.65)
    canvas.pixels[:] = tint(canvas.pixels, veil)


def planets(canvas: Canvas) -> None:
    """Draw one large planet, banded and half in shadow, and a small one."""
    side = 0.68 if canvas.rng.random() < 0.5 else 0.30
    great_planet(canvas, side)
    small_planet(canvas, side)


def great_planet(canvas: Canvas, side: float) -> None:
    """Draw the large planet."""
    rng = canvas.rng
    _planet(canvas, (side, float(rng.uniform(0.45, 0.6))), float(rng.uniform(0.20, 0.28)), True)


def small_planet(canvas: Canvas, side: float) -> None:
    """Draw the small planet on the opposite side."""
    rng = canvas.rng
    _planet(
        canvas, (1 - side, float(rng.uniform(0.2, 0.35))), float(rng.uniform(0.03, 0.06)), False
    )


def _planet(canvas: Canvas, at: tuple[float, float], radius: float, ringed: bool) -> None:
    rng = canvas.rng
    x = (canvas.across - np.float32(at[0])) * np.float32(canvas.width / canvas.height / radius)
    y = (canvas.down - np.float32(at[1])) / np.float32(radius)
    far = x * x + y * y
    bulge = np.sqrt(np.clip(1 - far, 0, 1))
    bands = noise(rng, canvas.width, canvas.height, cells=(2, 26), octaves=3, roughness=0.6)
    named = canvas.scene.colours
    base = rgb(*named[0]) if named else rgb(*rng.uniform(0.35, 0.85, 3))
    other = mix(base, rgb(*rng.uniform(0.2, 0.95, 3)), 0.6)
    skin = between(base, other, bands)
    light = np.clip(bulge * np.float32(0.62) - x * np.float32(0.55) - y * np.float32(0.35), 0.02, 1)
    edge = 3 / (radius * canvas.height)
    ring = _ring(x, y) if ringed else None
    if ring is not None:
        canvas.paint(mix(other, rgb(0.9, 0.85, 0.75), 0.5), ring * (y < 0))
    canvas.shine(
        mix(base, rgb(0.6, 0.8, 1.0), 0.5), np.exp(-np.maximum(far - 1, 0) * 9) * np.float32(0.10)
    )
    canvas.paint(tint(skin, light), 1 - step(far, 1 - edge, 1 + edge))
    if ring is not None:
        canvas.paint(mix(other, rgb(0.9, 0.85, 0.75), 0.5), ring * (y >= 0))


def _ring(x: Field, y: Field) -> Field:
    turned = y + x * np.float32(0.28)
    away = np.sqrt(x * x + (turned * np.float32(4.2)) ** 2)
    body = step(away, 1.30, 1.36) * (1 - step(away, 2.05, 2.15))
    grooves = np.float32(0.72) + np.float32(0.28) * np.sin(away * np.float32(38))
    cover: Field = body * grooves * np.float32(0.85)
    return cover


def portrait(canvas: Canvas) -> None:
    """Draw flowing areas of colour around an anonymous head and shoulders."""
    rng = canvas.rng
    planes = list(_PORTRAITS[int(rng.integers(len(_PORTRAITS)))])
    for number, named in enumerate(canvas.scene.colours):
        planes[number] = rgb(*named)
    light, warm, dark, paper = (_toned(colour, canvas) for colour in planes)
    flow = noise(rng, canvas.width, canvas.height, cells=(2, 2), octaves=4, roughness=0.5)
    warp = noise(rng, canvas.width, canvas.height, cells=(3, 3), octaves=3, roughness=0.5)
    bands = (
        np.sin((flow * np.float32(2.4) + canvas.across * np.float32(0.8)) * np.float32(9)) * 0.5
        + 0.5
    )
    ground = _between((paper, light, warm), bands * np.float32(0.75) + warp * np.float32(0.25))
    canvas.pixels[:] = ground
    x = (canvas.across - np.float32(0.5 + rng.uniform(-0.05, 0.05))) * np.float32(
        canvas.width / canvas.height
    )
    y = canvas.down - np.float32(0.40)
    wobble = (warp - np.float32(0.5)) * np.float32(0.16)
    cloth = _between((dark, warm, dark), flow)
    across_face = np.clip(np.float32(0.5) - x * np.float32(1.8) + wobble * 2, 0, 1)
    face = _between((warm, light, paper), across_face)
    for shape, colour in (
        (_oval(x, y, at=(0, -0.05), radii=(0.24, 0.30)) + wobble * 2, dark),
        (_oval(x, y, at=(0, 0.62), radii=(0.46, 0.36)) + wobble, cloth),
        (_oval(x, y, at=(0, 0.27), radii=(0.085, 0.16)) + wobble, face * np.float32(0.86)),
        (_oval(x, y, at=(0, 0), radii=(0.185, 0.25)) + wobble, face),
    ):
        canvas.paint(colour, (1 - step(shape, 0.97, 1.03)) * np.float32(0.96))
    # Eyes, nose and mouth are a few soft strokes, without likeness.
    for at, radii, colour, cover in (
        ((-0.075, 0.0), (0.034, 0.012), dark, 0.8),
        ((0.075, 0.0), (0.034, 0.012), dark, 0.8),
        ((0.012, 0.05), (0.012, 0.06), warm, 0.45),
        ((0.0, 0.135), (0.055, 0.014), mix(warm, dark, 0.35), 0.75),
    ):
        stroke = 1 - step(_oval(x, y, at=at, radii=radii), 0.4, 1.2)
        canvas.paint(colour, stroke * np.float32(cover))


def _oval(x: Field, y: Field, *, at: tuple[float, float], radii: tuple[float, float]) -> Field:
    """Return a field that is 1 on an ellipse and smaller inside."""
    across = (x - np.float32(at[0])) / np.float32(radii[0])
    down = (y - np.float32(at[1])) / np.float32(radii[1])
    return across * across + down * down


def _toned(colour: Colour, canvas: Canvas) -> Colour:
    """Return a colour in the light of the hour."""
    share = {"night": 0.55, "dusk": 0.4, "sunset": 0.2, "dawn": 0.12}.get(canvas.scene.time, 0.0)
    return mix(colour, canvas.palette.middle, share)


def _between(colours: tuple[Colour, ...], positions: Field) -> Field:
    """Return colours along a scale, for positions from 0 to 1."""
    index = (np.clip(positions, 0, 1) * np.float32(255)).astype(np.int32)
    scale = grow(np.stack(colours), 3, 256)
    pixels = blank(positions.shape[1], positions.shape[0])
    for plane in range(3):
        pixels[..., plane] = scale[:, plane][index]
    return pixels
