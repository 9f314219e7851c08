"""Writes a surface as GLB, with trimesh."""

from __future__ import annotations

from typing import Any

import trimesh
from trimesh.exchange.gltf import export_glb
from trimesh.visual.color import ColorVisuals
from trimesh.visual.material import PBRMaterial
from trimesh.visual.texture import TextureVisuals

from ringback.engines.sketch.mesh.sheets import Surface
from ringback.engines.sketch.mesh.spec import MeshSpec
from ringback.engines.sketch.mesh.texture import Atlas

_EXTRA_SIDE_MAX = 512  # of roughness and metal, which are even within a cell
_ROUGHNESS = 0.85
_POINTS, _TRIANGLES = 34962, 34963  # the names of vertex and index data in glTF


def write_glb(surface: Surface, atlas: Atlas, spec: MeshSpec) -> bytes:
    """Return the surface as GLB; equal arguments give equal bytes."""
    mesh = trimesh.Trimesh(
        vertices=surface.vertices,
        faces=surface.faces,
        vertex_normals=surface.normals,
        process=False,
        validate=False,
    )
    if spec.has_texture:
        visual: Any = TextureVisuals(uv=surface.uv, material=_material(atlas, spec))
    else:
        visual = ColorVisuals(vertex_colors=atlas.sample(surface.uv))
    mesh.visual = visual
    scene = trimesh.Scene()
    scene.add_geometry(mesh, node_name="mesh", geom_name="mesh")
    written: bytes = export_glb(scene, include_normals=True, tree_postprocessor=_name_targets)
    return written


def _name_targets(tree: dict[str, Any]) -> None:
    """Say of each buffer view whether it holds points or triangles; validators ask for it."""
    accessors, views = tree["accessors"], tree["bufferViews"]
    for primitive in (one for mesh in tree["meshes"] for one in mesh["primitives"]):
        for accessor in primitive["attributes"].values():
            views[accessors[accessor]["bufferView"]]["target"] = _POINTS
        views[accessors[primitive["indices"]]["bufferView"]]["target"] = _TRIANGLES


def _material(atlas: Atlas, spec: MeshSpec) -> PBRMaterial:
    colour = atlas.base_colour(spec.texture_side)
    colour.format = "JPEG"  # trimesh writes PNG otherwise, which takes ten times as long
    extra: dict[str, object] = {"metallicFactor": 0.0, "roughnessFactor": _ROUGHNESS}
    if spec.has_pbr:
        side = min(_EXTRA_SIDE_MAX, spec.texture_side)
        extra = {
            "metallicRoughnessTexture": atlas.roughness_and_metal(side),
            "metallicFactor": 1.0,
            "roughnessFactor": 1.0,
        }
    return PBRMaterial(name="surface", baseColorTexture=colour, doubleSided=False, **extra)
