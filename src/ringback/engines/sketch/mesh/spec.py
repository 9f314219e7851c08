"""The mesh that the server sends to its process; imports no numerical libraries."""

from __future__ import annotations

from msgspec import Struct

SIDES = ("front", "back", "left", "right", "top", "bottom")


class MeshSpec(Struct, frozen=True, kw_only=True):
    """The mesh to make, with the paths of its pictures and of its output."""

    prompt: str
    seed: int
    faces: int
    out: str
    views: dict[str, str] = {}  # paths of pictures, by the side that they show; see SIDES
    texture_side: int = 1024  # of the base colour, in pixels
    has_texture: bool = True  # otherwise every vertex has a colour
    has_pbr: bool = False  # a texture of roughness and metal as well


class ExportSpec(Struct, frozen=True, kw_only=True):
    """The export to make, with the paths of its source, a GLB, and of its output."""

    source: str
    out: str
    format: str
