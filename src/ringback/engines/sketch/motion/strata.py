"""Groups the layers of each scene that move together, with their depths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ringback.engines.sketch.canvas import Canvas
from ringback.engines.sketch.layers import beyond, land, silhouettes, water
from ringback.engines.sketch.layers.land import DUNES, HILLS, RANGES
from ringback.engines.sketch.layers.silhouettes import ROWS_OF_HOUSES, ROWS_OF_TREES

Layer = Callable[[Canvas], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Layers that share one plate."""

    layers: tuple[Layer, ...]
    depth: float  # 0 for the sky, 1 for the foreground
    drifts: float = 0.0  # of the view's width per second


def _each(layer: Callable[[Canvas, int], None], count: int, *depths: float) -> list[Stratum]:
    """Return a stratum for each of several similar layers, from the farthest on."""
    return [
        Stratum(layers=(partial(_at, layer, number),), depth=depth)
        for number, depth in zip(range(count), depths, strict=True)
    ]


def _at(layer: Callable[[Canvas, int], None], number: int, canvas: Canvas) -> None:
    layer(canvas, number)


def _planets(canvas: Canvas, *, small: bool) -> None:
    # Decided by the sun, because the two planets are drawn apart and must agree.
    side = 0.68 if canvas.sun[0] < 0.5 else 0.30
    (beyond.small_planet if small else beyond.great_planet)(canvas, side)


_RANGES = _each(land.mountain_range, RANGES, 0.12, 0.22, 0.36, 0.55)
_HILLS = Stratum(
    layers=tuple(partial(_at, land.hill, number) for number in range(HILLS)), depth=0.2
)

BEHIND: dict[str, list[Stratum]] = {
    "mountains": _RANGES,
    "lake": _RANGES,
    "sea": [Stratum(layers=(water.islands,), depth=0.2)],
    "forest": [_HILLS],
    "city": _each(silhouettes.row_of_houses, ROWS_OF_HOUSES, 0.25, 0.55, 1.0),
    "desert": _each(land.dune, DUNES, 0.15, 0.3, 0.5, 0.75, 1.0),
    "meadow": [_HILLS, Stratum(layers=(land.meadow,), depth=0.7)],
    "space": [
        Stratum(layers=(partial(_planets, small=False),), depth=0.55),
        Stratum(layers=(partial(_planets, small=True),), depth=0.8),
    ],
    "portrait": [],
}
"""By scene: the strata between the sky and the water."""

BEFORE: dict[str, list[Stratum]] = {
    "mountains": _each(silhouettes.row_of_trees, ROWS_OF_TREES, 1, 1, 1, 1)[-1:],
    "lake": _each(silhouettes.row_of_trees, ROWS_OF_TREES, 1, 1, 1, 1)[-1:],
    "sea": [Stratum(layers=(water.sails,), depth=0.45, drifts=0.012)],
    "forest": _each(silhouettes.row_of_trees, ROWS_OF_TREES, 0.32, 0.5, 0.72, 1.0),
}
"""By scene: the strata in front of the water."""

WATERY = frozenset({"lake", "sea"})
