"""The colours of an image, from the time of day, season, mood, weather and named colours."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ringback.engines.sketch.reading import Scene

Colour = NDArray[np.float32]


def rgb(red: float, green: float, blue: float) -> Colour:
    """Return a colour of parts from 0 to 1."""
    return np.array((red, green, blue), dtype=np.float32)


def _hex(code: str) -> Colour:
    return rgb(*(part / 255 for part in bytes.fromhex(code)))


def in_bytes(colour: Colour) -> tuple[int, int, int]:
    """Return a colour with 8 bits per part."""
    red, green, blue = (int(min(1.0, max(0.0, float(part))) * 255) for part in colour)
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return a blend of two colours; ``share`` is the other's, from 0 to 1."""
    return (one * np.float32(1 - share) + other * np.float32(share)).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The palette of an image."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    sun: Colour
    shade: Colour  # near and dark things
    growth: Colour  # leaves and grass
    earth: Colour
    is_dark: bool


# Zenith, middle of the sky, horizon, sun and shade, at each hour.
_TIMES = {
    "dawn": "546eab d1a1ad ffd4a8 ffe6b8 2b304c",
    "day": "296bc7 75b2eb dbedf7 fffce6 1a3038",
    "sunset": "2b2963 b84f69 ffa854 ffdb8c 1a0f26",
    "dusk": "141a45 4f3d78 cc7d82 fac2a8 0d0d21",
    "night": "030512 0a122e 213057 edf2ff 03050d",
}
_GROWTH = {
    "spring": (0.38, 0.62, 0.22),
    "summer": (0.22, 0.44, 0.20),
    "autumn": (0.72, 0.36, 0.12),
    "winter": (0.66, 0.72, 0.78),
}
_SATURATION = {"calm": 1.0, "dramatic": 1.12, "dreamy": 0.86, "vivid": 1.35, "sad": 0.55}
_GREY_WEATHER = {
    "clear": 0.0,
    "cloudy": 0.18,
    "fog": 0.35,
    "rain": 0.42,
    "snow": 0.30,
    "storm": 0.5,
}


def palette_of(scene: Scene) -> Palette:
    """Return the palette of a scene."""
    zenith, middle, horizon, sun, shade = (_hex(code) for code in _TIMES[scene.time].split())
    growth = rgb(*_GROWTH[scene.season])
    earth = rgb(0.80, 0.58, 0.36)
    light = float(horizon.mean())
    colours = [zenith, middle, horizon, sun, shade]
    for number, named in enumerate(scene.colours):
        tint = rgb(*named) * np.float32(0.35 + 0.75 * light)
        # The first named colour affects the sky, the next the light, the third the ground.
        for index, share in (
            ((0, 0.35), (1, 0.5), (2, 0.3)) if number == 0 else ((2, 0.4), (3, 0.4))
        ):
            colours[index] = mix(colours[index], tint, share)
        growth = mix(growth, rgb(*named), 0.15)
        earth = mix(earth, rgb(*named), 0.25)
    grey = _GREY_WEATHER[scene.weather]
    cast = rgb(0.60, 0.64, 0.70) * np.float32(0.25 + 0.75 * light)
    for index in range(3):
        colours[index] = mix(colours[index], cast, grey)
    if scene.mood == "dreamy":
        colours = [
            mix(colour, rgb(0.93, 0.82, 0.94) * np.float32(0.3 + light), 0.2) for colour in colours
        ]
    if scene.weather == "storm":
        # A storm at night is dark already; darker, it would be invisible.
        gloom = np.float32(0.62 if light > 0.3 else 1.1)
        colours = [colour * gloom for colour in colours]
    saturation = _SATURATION[scene.mood]
    zenith, middle, horizon, sun, shade = (_saturated(colour, saturation) for colour in colours)
    lit = np.float32(0.18 + 0.82 * light)
    return Palette(
        zenith=zenith,
        middle=middle,
        horizon=horizon,
        sun=sun,
        shade=shade,
        growth=_saturated(growth, saturation) * lit,
        earth=_saturated(earth, saturation) * lit,
        is_dark=scene.time in ("night", "dusk"),
    )


def between(one: Palette, other: Palette, share: float) -> Palette:
    """Return a blend of two palettes; ``share`` is the other's, from 0 to 1."""
    changed = {
        field.name: mix(getattr(one, field.name), getattr(other, field.name), share)
        for field in fields(Palette)
        if field.name != "is_dark"
    }
    return replace(one, is_dark=(other if share > 0.5 else one).is_dark, **changed)


def _saturated(colour: Colour, factor: float) -> Colour:
    grey = np.float32(colour.mean())
    return np.asarray(np.clip(grey + (colour - grey) * np.float32(factor), 0, 1), np.float32)
