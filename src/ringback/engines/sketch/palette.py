"""The colours of a picture, from the time of day, season, mood, weather and named colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringback.engines.sketch.reading import Scene

Colour = NDArray[np.float32]


def rgb(red: float, green: float, blue: float) -> Colour:
    """Return a colour of parts from 0 to 1."""
    return np.array((red, green, blue), dtype=np.float32)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour between two: the share of the other is from 0 to 1."""
    return (one * np.float32(1 - share) + other * np.float32(share)).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The light of a picture."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    sun: Colour
    shade: Colour  # what is near and dark
    growth: Colour  # leaves and grass
    earth: Colour
    is_dark: bool


_TIMES = {
    "dawn": ((0.33, 0.43, 0.67), (0.82, 0.63, 0.68), (1.00, 0.83, 0.66), (1.00, 0.90, 0.72), (0.17, 0.19, 0.30)),
    "day": ((0.16, 0.42, 0.78), (0.46, 0.70, 0.92), (0.86, 0.93, 0.97), (1.00, 0.99, 0.90), (0.10, 0.19, 0.22)),
    "sunset": ((0.17, 0.16, 0.39), (0.72, 0.31, 0.41), (1.00, 0.66, 0.33), (1.00, 0.86, 0.55), (0.10, 0.06, 0.15)),
    "dusk": ((0.08, 0.10, 0.27), (0.31, 0.24, 0.47), (0.80, 0.49, 0.51), (0.98, 0.76, 0.66), (0.05, 0.05, 0.13)),
    "night": ((0.01, 0.02, 0.07), (0.04, 0.07, 0.18), (0.13, 0.19, 0.34), (0.93, 0.95, 1.00), (0.01, 0.02, 0.05)),
}  # fmt: skip
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
    zenith, middle, horizon, sun, shade = (rgb(*colour) for colour in _TIMES[scene.time])
    growth = rgb(*_GROWTH[scene.season])
    earth = rgb(0.80, 0.58, 0.36)
    light = float(horizon.mean())
    colours = [zenith, middle, horizon, sun, shade]
    for number, named in enumerate(scene.colours):
        tint = rgb(*named) * np.float32(0.35 + 0.75 * light)
        # The first colour that is named rules the sky, the next the light, the third the ground.
        for place, share in (
            ((0, 0.35), (1, 0.5), (2, 0.3)) if number == 0 else ((2, 0.4), (3, 0.4))
        ):
            colours[place] = mix(colours[place], tint, share)
        growth = mix(growth, rgb(*named), 0.15)
        earth = mix(earth, rgb(*named), 0.25)
    grey = _GREY_WEATHER[scene.weather]
    cast = rgb(0.60, 0.64, 0.70) * np.float32(0.25 + 0.75 * light)
    for place in range(3):
        colours[place] = mix(colours[place], cast, grey)
    if scene.mood == "dreamy":
        colours = [
            mix(colour, rgb(0.93, 0.82, 0.94) * np.float32(0.3 + light), 0.2) for colour in colours
        ]
    if scene.weather == "storm":
        colours = [colour * np.float32(0.62) for colour in colours]
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


def _saturated(colour: Colour, factor: float) -> Colour:
    grey = np.float32(colour.mean())
    return np.clip(grey + (colour - grey) * np.float32(factor), 0, 1).astype(np.float32)
