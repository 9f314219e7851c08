"""Makes the mesh of a spec and writes it, in the process for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ringback.engines.sketch.mesh.glb import write_glb
from ringback.engines.sketch.mesh.parts import assemble
from ringback.engines.sketch.mesh.relief import relief_of
from ringback.engines.sketch.mesh.sheets import Surface
from ringback.engines.sketch.mesh.spec import MeshSpec
from ringback.engines.sketch.mesh.still import still_jpeg
from ringback.engines.sketch.mesh.texture import Atlas, drawn, of_pictures
from ringback.engines.sketch.mesh.things import build, thing_in
from ringback.engines.sketch.palette import palette_of
from ringback.engines.sketch.pictures import decode
from ringback.engines.sketch.reading import read, seed_of
from ringback.engines.sketch.subprocess_task import ProgressReporter

_PICTURE_SIDE_MAX = 1024


def make(spec: MeshSpec, reporter: ProgressReporter) -> None:
    """Show a still of the mesh, then write the mesh to the spec's path."""
    surface, atlas = surface_and_atlas(spec)
    reporter.progress(0.4)
    reporter.preview(still_jpeg(surface.vertices, surface.faces, atlas.sample(surface.uv)))
    reporter.progress(0.6)
    Path(spec.out).write_bytes(write_glb(surface, atlas, spec))


def surface_and_atlas(spec: MeshSpec) -> tuple[Surface, Atlas]:
    """Return the surface that a spec describes, and its texture."""
    if spec.views:
        pictures = {}
        for side, path in spec.views.items():
            picture = decode(Path(path).read_bytes())
            picture.thumbnail((_PICTURE_SIDE_MAX, _PICTURE_SIDE_MAX))
            pictures[side] = picture
        atlas = of_pictures(pictures, side=spec.texture_side)
        return relief_of(pictures, atlas, faces=spec.faces), atlas
    scene = read(spec.prompt)
    # The prompt is part of the seed: two prompts for one thing give two shapes.
    rng = np.random.default_rng((spec.seed, seed_of(spec.prompt)))
    thing = build(thing_in(spec.prompt, scene), scene, palette_of(scene), rng)
    atlas = drawn(thing.materials, rng, side=spec.texture_side)
    return assemble(thing.parts, atlas, faces=spec.faces), atlas
