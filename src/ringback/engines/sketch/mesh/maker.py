"""Makes meshes: it reads the request here and works in a separate process."""

from __future__ import annotations

from pathlib import Path

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.fetching import fetch_to
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.inputs import number_of, prompt_of
from ringback.engines.sketch.mesh.parameters import faces_of, texture_side_of, views_of
from ringback.engines.sketch.mesh.spec import MeshSpec
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.subprocess_runner import SubprocessRunner

MEDIA_TYPE = "model/gltf-binary"
_SEED_RANGE = 2**32


class MeshMaker:
    """Runs the jobs of the 3d models."""

    def __init__(self, *, folder: Folder) -> None:
        self._folder = folder

    async def run(self, request: EngineRequest, io: EngineIO, runner: SubprocessRunner) -> Made:
        """Show a still of the mesh, then return it."""
        inputs = request.input
        prompt = prompt_of(inputs)
        with self._folder() as folder:
            out = folder / "mesh.glb"
            spec = MeshSpec(
                prompt=prompt,
                seed=int(number_of(inputs.get("seed"), default=seed_of(prompt))) % _SEED_RANGE,
                faces=faces_of(inputs),
                out=str(out),
                views=await _fetch_views(views_of(inputs), folder, io),
                texture_side=texture_side_of(inputs),
                has_texture=inputs.get("generate_texture") is not False,
                has_pbr=inputs.get("enable_pbr") is True,
            )
            await runner.run("mesh", spec, io)
            name = await io.save(out, media_type=MEDIA_TYPE)
        await io.progress(1.0)
        return Made(artifacts=(name,))


async def _fetch_views(urls: dict[str, str], folder: Path, io: EngineIO) -> dict[str, str]:
    """Fetch the pictures one after another, and return their paths."""
    paths = {}
    for side, url in urls.items():
        path = folder / side
        await fetch_to(path, url, io, kind="image")
        paths[side] = str(path)
    return paths
