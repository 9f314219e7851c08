"""The recipes of scenes: their layers, from back to front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ringback.engines.sketch.canvas import Canvas, blank
from ringback.engines.sketch.layers import beyond, land, silhouettes, sky, water, weather
from ringback.engines.sketch.palette import palette_of
from ringback.engines.sketch.reading import Scene

Layer = Callable[[Canvas], None]

_SKY: tuple[Layer, ...] = (sky.gradient, sky.stars, sky.sun_or_moon, sky.clouds)

RECIPES: dict[str, tuple[Layer, ...]] = {
    "mountains": (*_SKY, land.mountains, silhouettes.trees),
    "lake": (*_SKY, land.mountains, water.water, silhouettes.trees),
    "sea": (*_SKY, water.islands, water.water, water.sails),
    "forest": (*_SKY, land.hills, silhouettes.trees),
    "city": (*_SKY, silhouettes.city),
    "desert": (*_SKY, land.dunes),
    "meadow": (*_SKY, land.hills, land.meadow),
    "space": (beyond.nebula, sky.stars, beyond.planets),
    "portrait": (sky.gradient, beyond.portrait),
}

_HORIZON = {"sea": 0.52, "lake": 0.50, "city": 0.66, "desert": 0.48, "forest": 0.50, "meadow": 0.48}


def compose(scene: Scene, *, chance: Sequence[int], width: int, height: int) -> Canvas:
    """Return the finished canvas of a scene; equal arguments give equal pixels."""
    canvas = begin(scene, chance=chance, width=width, height=height)
    for number, layer in enumerate((*RECIPES[scene.kind], weather.weather, weather.finish)):
        # Each layer has its own random generator: what one draws does not change the next.
        layer(replace(canvas, rng=np.random.default_rng((*chance, number))))
    return canvas


def begin(scene: Scene, *, chance: Sequence[int], width: int, height: int) -> Canvas:
    """Return the empty canvas of a scene, with its horizon and its sun."""
    rng = np.random.default_rng(chance)
    horizon = _HORIZON.get(scene.kind, 0.56) + float(rng.uniform(-0.03, 0.03))
    low = {"dawn": 0.07, "sunset": 0.06, "dusk": 0.02}.get(scene.time)
    sun_y = horizon - low if low is not None else float(rng.uniform(0.12, 0.24))
    return Canvas(
        scene=scene,
        palette=palette_of(scene),
        rng=rng,
        pixels=blank(width, height),
        horizon=horizon,
        sun=(float(rng.uniform(0.22, 0.78)), sun_y),
    )
