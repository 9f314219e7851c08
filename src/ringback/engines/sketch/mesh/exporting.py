"""Writes a mesh in another format, in the process for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import trimesh
from trimesh.exchange.obj import export_obj
from trimesh.exchange.ply import export_ply
from trimesh.exchange.stl import export_stl

from ringback.engines.sketch.mesh.reading import read_scene, single_mesh
from ringback.engines.sketch.mesh.spec import ExportSpec
from ringback.engines.sketch.subprocess_task import ProgressReporter
from ringback.errors import EngineError

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # equal meshes give equal bytes


def export(spec: ExportSpec, reporter: ProgressReporter) -> None:
    """Write the mesh of the spec to the spec's path, or raise ``EngineError``."""
    scene = read_scene(Path(spec.source))
    reporter.progress(0.4)
    match spec.format:
        case "obj":
            _write_obj(scene, Path(spec.out))
        case "stl":
            Path(spec.out).write_bytes(export_stl(single_mesh(scene)))
        case "ply":
            Path(spec.out).write_bytes(export_ply(single_mesh(scene)))
        case _:
            raise EngineError(
                f"{spec.format.upper()} is not written here; ask for obj, stl or ply."
            )


def _write_obj(scene: trimesh.Scene, path: Path) -> None:
    """Write a ZIP with the mesh, its materials and their textures."""
    text, textures = export_obj(_alone(scene), return_texture=True, mtl_name="mesh.mtl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, content in {"mesh.obj": text.encode(), **textures}.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_DATE), content, zipfile.ZIP_DEFLATED)


def _alone(scene: trimesh.Scene) -> trimesh.Scene | trimesh.Trimesh:
    """Return the one mesh of a scene that moves it nowhere, or the scene.

    trimesh forgets the normals of a scene's meshes, and writes those of a mesh.
    """
    nodes = scene.graph.nodes_geometry
    if len(nodes) == 1:
        transform, name = scene.graph[nodes[0]]
        mesh = scene.geometry[name]
        if isinstance(mesh, trimesh.Trimesh) and np.array_equal(transform, np.eye(4)):
            return mesh
    return scene
