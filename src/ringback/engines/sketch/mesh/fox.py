"""The fox, which stands for every animal of a prompt."""

from __future__ import annotations

import numpy as np

from ringback.engines.sketch.mesh.colours import named_colour
from ringback.engines.sketch.mesh.parts import Part, Thing
from ringback.engines.sketch.mesh.shapes import bumps, limb
from ringback.engines.sketch.mesh.texture import Material
from ringback.engines.sketch.palette import Palette, mix, rgb
from ringback.engines.sketch.reading import Scene


def fox(scene: Scene, palette: Palette, rng: np.random.Generator) -> Thing:
    """Return a fox that looks to the right, in the colour that the prompt names."""
    long, leg = float(rng.uniform(0.9, 1.2)), float(rng.uniform(0.4, 0.6))
    back = leg + 0.28
    end, start = -long / 2, long / 2
    fur = rgb(0.86, 0.42, 0.14)
    body = limb(
        [(end - 0.1, back, 0), (0, back - 0.02, 0), (start, back + 0.05, 0)],
        [0.24, 0.26, 0.22],
        shift=bumps(rng, 0.02, waves=9),
    )
    head = limb(
        [
            (start - 0.02, back + 0.02, 0),
            (start + 0.12, back + 0.3, 0),
            (start + 0.3, back + 0.38, 0),
            (start + 0.62, back + 0.28, 0),
        ],
        [0.18, 0.2, 0.2, 0.04],
    )
    sweep = float(rng.uniform(-0.3, 0.3))
    tail = limb(
        [
            (end - 0.05, back, 0),
            (end - 0.4, back - 0.1, sweep / 2),
            (end - 0.75, back + 0.1, sweep),
            (end - 0.95, back + 0.3, sweep),
        ],
        [0.07, 0.16, 0.17, 0.05],
    )
    parts = [
        Part(solid=body, material="fur", weight=3),
        Part(solid=head, material="fur", weight=2),
        *_legs((start - 0.12, end + 0.12), back, leg),
        Part(solid=tail, material="fur", weight=1.5),
        *_ears(start, back),
    ]
    return Thing(
        parts=parts,
        materials=[
            Material(
                name="fur",
                colour=named_colour(scene, mix(fur, palette.horizon, 0.1)),
                pattern="fur",
            ),
            Material(
                name="dark", colour=mix(rgb(0.2, 0.14, 0.12), palette.shade, 0.3), pattern="fur"
            ),
        ],
    )


def _legs(feet: tuple[float, float], back: float, leg: float) -> list[Part]:
    return [
        Part(
            solid=limb(
                [(x, back - 0.05, z), (x + 0.03, leg * 0.5, z), (x, 0.04, z), (x + 0.07, 0, z)],
                [0.13, 0.08, 0.06, 0.05],
            ),
            material="dark",
            weight=0.5,
        )
        for x in feet
        for z in (-0.14, 0.14)
    ]


def _ears(start: float, back: float) -> list[Part]:
    return [
        Part(
            solid=limb(
                [
                    (start + 0.17, back + 0.48, z),
                    (start + 0.16, back + 0.62, z * 1.3),
                    (start + 0.15, back + 0.78, z * 1.5),
                ],
                [0.09, 0.07, 0.01],
            ),
            material="dark",
            weight=0.3,
        )
        for z in (-0.12, 0.12)
    ]
