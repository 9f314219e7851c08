"""The sketch's things: a tree, a hill, a house, a fox and a stone, each out of closed solids."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ringback.engines.sketch.mesh.colours import (
    bark_colour,
    glass_colour,
    named_colour,
    stone_colour,
)
from ringback.engines.sketch.mesh.fox import fox
from ringback.engines.sketch.mesh.parts import Part, Thing
from ringback.engines.sketch.mesh.shapes import SMOOTH, ball, bumps, mountains, scallops
from ringback.engines.sketch.mesh.solids import Box, Gable, Tube
from ringback.engines.sketch.mesh.texture import Material
from ringback.engines.sketch.palette import Palette, mix, rgb
from ringback.engines.sketch.reading import READ_CHARACTERS_MAX, Scene, words_of

_ANIMALS = (
    "fox foxes wolf dog cat bear deer animal creature pet lion tiger horse rubah serigala anjing "
    "kucing beruang rusa hewan binatang singa harimau kuda"
)
_HOUSES = "house hut cottage cabin home castle church barn rumah gubuk kastil"
_NAMED = {word: "fox" for word in _ANIMALS.split()} | {word: "house" for word in _HOUSES.split()}
_KINDS = {  # by the kind of the scene, where no word names a thing
    "forest": "tree",
    "city": "house",
    "mountains": "hill",
    "desert": "hill",
    "meadow": "hill",
    "lake": "hill",
}


def thing_in(prompt: str, scene: Scene) -> str:
    """Return the name of the thing in a prompt; a stone where it names none."""
    named = (_NAMED[word] for word in words_of(prompt[:READ_CHARACTERS_MAX]) if word in _NAMED)
    return next(named, _KINDS.get(scene.kind, "stone"))


def build(name: str, scene: Scene, palette: Palette, rng: np.random.Generator) -> Thing:
    """Return a thing by its name."""
    return _BUILDERS[name](scene, palette, rng)


def _tree(scene: Scene, palette: Palette, rng: np.random.Generator) -> Thing:
    tall, lean = float(rng.uniform(1.6, 2.4)), float(rng.uniform(-0.12, 0.12))
    trunk = Tube(
        path=[(0, 0, 0), (0.02, 0.02, 0), (lean / 2, tall * 0.4, 0), (lean, tall * 0.8, 0)],
        radii=[0.16, 0.15, 0.1, 0.04],
        shift=bumps(rng, 0.02, waves=6),
    )
    parts = [Part(solid=trunk, material="bark", weight=0.8)]
    if scene.season != "winter" and rng.random() < 0.5:
        for _ in range(7):
            middle = np.array([lean, tall * 0.85, 0]) + rng.normal(0, (0.28, 0.2, 0.28))
            parts.append(Part(solid=ball(middle, rng.uniform(0.3, 0.5), rng), material="leaves"))
    else:
        for tier in range(6):
            low = tall * (0.25 + 0.14 * tier)
            parts.append(Part(solid=_cone(lean, low, tall, tier, rng), material="leaves"))
    leaves = rgb(0.9, 0.92, 0.95) if scene.weather == "snow" else palette.growth
    return Thing(
        parts=parts,
        materials=[
            Material(name="bark", colour=bark_colour(palette), pattern="bark"),
            Material(name="leaves", colour=named_colour(scene, leaves), pattern="leaves"),
        ],
    )


def _cone(lean: float, low: float, tall: float, tier: int, rng: np.random.Generator) -> Tube:
    wide = (0.75 - 0.11 * tier) * float(rng.uniform(0.9, 1.1))
    high = tall * (0.3 - 0.015 * tier)
    return Tube(
        path=[(lean, low + high * 0.12, 0), (lean, low, 0), (lean, low + high, 0)],
        radii=[0, wide, 0],
        is_upright=True,
        shift=scallops(rng, 0.1),
    )


def _hill(scene: Scene, palette: Palette, rng: np.random.Generator) -> Thing:
    profile = [(0.0, 0.0), (1.4, 0.0), (1.42, 0.05)]
    steep = float(rng.uniform(1.3, 2.4))
    high = float(rng.uniform(0.6, 1.1))
    profile += [(1.4 * (1 - t), 0.08 + high * t**steep) for t in SMOOTH[1:]]
    hill = Tube(
        path=[(0, y, 0) for _, y in profile],
        radii=[r for r, _ in profile],
        is_upright=True,
        shift=mountains(rng, 0.35 * high),
    )
    ground = palette.earth if scene.kind == "desert" else palette.growth
    parts = [Part(solid=hill, material="ground", weight=6)]
    for _ in range(5):
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(1.1, 1.3)
        middle = np.array([far * np.cos(angle), 0.08, far * np.sin(angle)])
        parts.append(Part(solid=ball(middle, rng.uniform(0.05, 0.12), rng), material="stone"))
    return Thing(
        parts=parts,
        materials=[
            Material(name="ground", colour=named_colour(scene, ground), pattern="grass"),
            Material(name="stone", colour=stone_colour(palette), pattern="stone"),
        ],
    )


def _house(scene: Scene, palette: Palette, rng: np.random.Generator) -> Thing:
    wide, deep = float(rng.uniform(1.2, 1.8)), float(rng.uniform(0.9, 1.3))
    high, roof = float(rng.uniform(0.7, 1.2)), float(rng.uniform(0.45, 0.9))
    ground = Tube(
        path=[(0, -0.12, 0), (0, -0.12, 0), (0, -0.02, 0), (0, 0.02, 0)],
        radii=[0, 1.5, 1.5, 0],
        is_upright=True,
        shift=bumps(rng, 0.03, waves=4),
    )
    front = deep / 2
    chimney_x = wide * float(rng.choice([-0.28, 0.28]))
    parts = [
        Part(solid=Box(centre=(0, high / 2, 0), size=(wide, high, deep)), material="wall"),
        Part(
            solid=Gable(centre=(0, high, 0), size=(wide * 1.12, roof, deep * 1.2)), material="roof"
        ),
        Part(
            solid=Box(centre=(0, 0.24, front), size=(0.26, 0.48, 0.05)),
            material="wood",
            weight=0.15,
        ),
        Part(
            solid=Box(centre=(chimney_x, high + roof * 0.8, -deep * 0.2), size=(0.18, roof, 0.18)),
            material="wall",
            weight=0.2,
        ),
    ]
    for side in (-1, 1):
        window = Box(centre=(side * wide * 0.32, high * 0.55, front), size=(0.26, 0.3, 0.04))
        parts.append(Part(solid=window, material="glass", weight=0.1))
    parts.insert(2, Part(solid=ground, material="ground", weight=1.2))
    return Thing(
        parts=parts,
        materials=[
            Material(
                name="wall", colour=named_colour(scene, rgb(0.8, 0.72, 0.62)), pattern="bricks"
            ),
            Material(
                name="roof", colour=mix(rgb(0.55, 0.24, 0.18), palette.earth, 0.25), pattern="tiles"
            ),
            Material(name="wood", colour=bark_colour(palette), pattern="bark"),
            Material(
                name="glass",
                colour=glass_colour(palette),
                pattern="plain",
                roughness=0.1,
                metal=0.3,
            ),
            Material(name="ground", colour=palette.growth, pattern="grass"),
        ],
    )


def _sculpture(scene: Scene, palette: Palette, rng: np.random.Generator) -> Thing:
    stone = ball(np.array([0.0, 0.8, 0.0]), 0.8, rng, rough=0.2)
    plinth = Tube(
        path=[(0, -0.15, 0), (0, -0.15, 0), (0, 0.02, 0), (0, 0.05, 0)],
        radii=[0, 0.75, 0.7, 0],
        is_upright=True,
    )
    return Thing(
        parts=[
            Part(solid=stone, material="stone", weight=5),
            Part(solid=plinth, material="plinth"),
        ],
        materials=[
            Material(
                name="stone",
                colour=named_colour(scene, stone_colour(palette)),
                pattern="stone",
                roughness=0.5,
            ),
            Material(name="plinth", colour=mix(palette.earth, palette.shade, 0.4), pattern="plain"),
        ],
    )


_BUILDERS: dict[str, Callable[[Scene, Palette, np.random.Generator], Thing]] = {
    "tree": _tree,
    "hill": _hill,
    "house": _house,
    "fox": fox,
    "stone": _sculpture,
}
