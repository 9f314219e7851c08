"""Reads a stranger's GLB: its bounds are checked before anything is read by them.

It runs in a process with limits on memory and time, because a reader may still be fooled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.visual.color import ColorVisuals

from ringback.engines.sketch.image_cost import parsed_picture
from ringback.errors import EngineError, InvalidMedia
from ringback.files.media import glb
from ringback.files.media.content import read_uint_le

FILE_BYTES_MAX = 256 << 20
_ITEMS_MAX = 10_000  # of nodes, meshes, accessors, views and pictures, each
_TRIANGLES_MAX = 4_000_000  # of all nodes: one mesh may be shown by many of them
_VALUES_MAX = 64_000_000  # of all accessors
_BROKEN = "The mesh cannot be read: the file is broken, cut short or of a rare kind."
_KEPT_EXTENSIONS = frozenset({"KHR_materials_unlit", "KHR_texture_transform"})
_LISTS = ("nodes", "meshes", "accessors", "bufferViews", "images", "materials", "scenes")
_SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def read_scene(path: Path) -> trimesh.Scene:
    """Return the scene of a GLB file, or raise ``EngineError``."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise EngineError("The mesh is too large; at most 256 MB are read.")
    content = path.read_bytes()
    try:
        glb.parse(content)
        _check(content)
        scene = trimesh.load_scene(BytesIO(content), file_type="glb")
    except (EngineError, MemoryError):
        raise
    except InvalidMedia as exc:
        raise EngineError(f"The mesh cannot be read. {exc}") from exc
    except Exception as exc:
        # A hostile file can make a reader raise anything; all of it means the same.
        raise EngineError(_BROKEN) from exc
    triangles = sum(
        len(one.faces) for one in scene.geometry.values() if isinstance(one, trimesh.Trimesh)
    )
    if not triangles:
        raise EngineError("The file has no triangles.")
    return scene


def single_mesh(scene: trimesh.Scene) -> trimesh.Trimesh:
    """Return one mesh with everything of the scene; textures become colours of the points."""
    for geometry in scene.geometry.values():
        visual: Any = getattr(geometry, "visual", None)
        if isinstance(geometry, trimesh.Trimesh) and hasattr(visual, "to_color"):
            colours = visual.to_color().vertex_colors
            geometry.visual = ColorVisuals(mesh=geometry, vertex_colors=colours)
    single: trimesh.Trimesh = scene.to_mesh()
    return single


def colours_of(mesh: trimesh.Trimesh) -> NDArray[np.uint8]:
    """Return the colours of a mesh's points, as bytes (n, 3)."""
    visual: Any = mesh.visual
    return np.asarray(visual.vertex_colors[:, :3], dtype=np.uint8)


def _check(content: bytes) -> None:
    """Raise ``EngineError`` for a file that would be read beyond the bounds."""
    length = read_uint_le(content, 12, 4)
    tree = msgspec.json.decode(content[20 : 20 + length], type=dict[str, Any])
    if any(len(tree.get(name, ())) > _ITEMS_MAX for name in _LISTS):
        raise EngineError(f"The mesh has more than {_ITEMS_MAX:,} parts of one sort.")
    foreign = set(tree.get("extensionsRequired", ())) - _KEPT_EXTENSIONS
    if foreign:
        raise EngineError(f"The mesh needs {min(foreign)[:60]}, which is not read here.")
    if any("uri" in one for name in ("buffers", "images") for one in tree.get(name, ())):
        raise EngineError("The mesh names other files; send a GLB that has everything in itself.")
    _check_accessors(tree, len(content))
    _check_nodes(tree)
    for picture in _pictures(tree, content, 20 + length + 8):
        parsed_picture(picture)


def _check_accessors(tree: dict[str, Any], size: int) -> None:
    accessors: Sequence[dict[str, Any]] = tree.get("accessors", ())
    values = 0
    for one in accessors:
        values += int(one["count"]) * _SIZES[one["type"]]
        if one["count"] < 0 or "sparse" in one or "bufferView" not in one:
            raise EngineError(_BROKEN)
    if values > min(_VALUES_MAX, size * 4):
        raise EngineError("The mesh has too many points.")


def _check_nodes(tree: dict[str, Any]) -> None:
    """Refuse nodes with two parents, rings of nodes, and far too many triangles in all."""
    nodes: Sequence[dict[str, Any]] = tree.get("nodes", ())
    children = [child for one in nodes for child in one.get("children", ())]
    roots = {root for scene in tree.get("scenes", ()) for root in scene.get("nodes", ())}
    if len(children) != len(set(children)) or roots & set(children):
        raise EngineError(_BROKEN)
    weights = [_triangles_of(mesh, tree) for mesh in tree.get("meshes", ())]
    total = sum(weights[one["mesh"]] for one in nodes if "mesh" in one)
    if max(total, sum(weights)) > _TRIANGLES_MAX:
        raise EngineError(f"The mesh has more than {_TRIANGLES_MAX:,} triangles.")


def _triangles_of(mesh: dict[str, Any], tree: dict[str, Any]) -> int:
    counted = (one.get("indices", one["attributes"]["POSITION"]) for one in mesh["primitives"])
    return sum(math.ceil(tree["accessors"][number]["count"] / 3) for number in counted)


def _pictures(tree: dict[str, Any], content: bytes, begin: int) -> Iterator[bytes]:
    for one in tree.get("images", ()):
        view = tree["bufferViews"][one["bufferView"]]
        at = begin + view.get("byteOffset", 0)
        yield content[at : at + view["byteLength"]]
