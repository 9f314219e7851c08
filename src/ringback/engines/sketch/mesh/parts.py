"""The parts of a thing, and how the triangles that are asked for are shared among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ringback.engines.sketch.mesh.sheets import Surface, joined, surface_of
from ringback.engines.sketch.mesh.solids import FACES_MIN, Solid, Tube
from ringback.engines.sketch.mesh.texture import Atlas, Material

_FACES_PER_PART = 16  # with fewer, a part is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One closed solid of a thing: its material, and its share of the triangles."""

    solid: Solid
    material: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A thing: its parts, the most important first, and the materials that they name."""

    parts: list[Part]
    materials: list[Material]


def assemble(parts: Sequence[Part], atlas: Atlas, *, faces: int) -> Surface:
    """Return the surface of the parts; with few triangles only the first parts are made."""
    kept = parts[: max(1, faces // _FACES_PER_PART)]
    # Tubes divide into nearly any number of triangles, so they come last and even out the rest.
    ordered = sorted(kept, key=lambda one: isinstance(one.solid, Tube))
    made = []
    faces_left, weight_left = faces, sum(one.weight for one in ordered)
    for number, part in enumerate(ordered, 1):
        reserved = FACES_MIN * (len(ordered) - number)
        share = min(round(faces_left * part.weight / weight_left), faces_left - reserved)
        sheets = part.solid.sheets(max(FACES_MIN, share))
        surface = joined([surface_of(one) for one in sheets])
        made.append(_placed(surface, atlas, part.material))
        # A part that takes more or fewer than its share leaves the difference to the next ones.
        faces_left -= len(surface.faces)
        weight_left -= part.weight
    return joined(made)


def _placed(surface: Surface, atlas: Atlas, material: str) -> Surface:
    return replace(surface, uv=atlas.within_cell(surface.uv, atlas.cell_of(material)))
