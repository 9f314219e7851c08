"""Exports meshes: it reads the request here and works in a separate process."""

from __future__ import annotations

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.fetching import fetch_to
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.mesh.spec import ExportSpec
from ringback.engines.sketch.subprocess_runner import SubprocessRunner
from ringback.errors import EngineError

_MEDIA_TYPES = {"obj": "application/zip", "stl": "model/stl", "ply": "model/ply"}


class MeshExporter:
    """Runs the jobs of ``POST /export/3d``."""

    def __init__(self, *, folder: Folder) -> None:
        self._folder = folder

    async def run(self, request: EngineRequest, io: EngineIO, runner: SubprocessRunner) -> Made:
        """Return the mesh in the requested format."""
        url, form = request.input.get("url"), str(request.input.get("format"))
        if not isinstance(url, str) or form not in _MEDIA_TYPES:
            raise EngineError("Name a mesh as url, and obj, stl or ply as format.")
        with self._folder() as folder:
            source, out = folder / "mesh.glb", folder / f"export.{form}"
            await fetch_to(source, url, io, kind="mesh")
            await runner.run(
                "export", ExportSpec(source=str(source), out=str(out), format=form), io
            )
            name = await io.save(out, media_type=_MEDIA_TYPES[form])
        await io.progress(1.0)
        return Made(artifacts=(name,))
