"""The sketch's meshes, opened by trimesh: closed, wound one way, of the size that was asked for."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import trimesh
from PIL import Image

from ringback.engines.sketch.mesh.making import make, surface_and_atlas
from ringback.engines.sketch.mesh.spec import SIDES, MeshSpec

THINGS = ("a pine tree in snow", "a red fox", "a blue house at night", "a green hill", "a teapot")


class Stills:
    """Keeps the stills that are shown while a mesh is made."""

    def __init__(self) -> None:
        self.shown: list[bytes] = []

    def progress(self, fraction: float) -> None:
        """Take a report of progress."""

    def preview(self, picture: bytes) -> None:
        """Keep a still."""
        self.shown.append(picture)


def a_spec(folder: Path, **fields: Any) -> MeshSpec:
    given = {"prompt": "a fox", "seed": 1, "faces": 1500, "texture_side": 128}
    return MeshSpec(**{**given, **fields}, out=str(folder / "mesh.glb"))


def made(spec: MeshSpec) -> bytes:
    make(spec, Stills())
    return Path(spec.out).read_bytes()


def opened(content: bytes) -> Any:
    return trimesh.load(BytesIO(content), file_type="glb", force="mesh")


def welded(mesh: Any) -> Any:
    """Return the mesh without equal points, as solids are judged."""
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return mesh


def a_picture(path: Path, colour: str = "orange") -> str:
    picture = Image.radial_gradient("L").resize((96, 64)).convert("RGB")
    picture.paste(Image.new("RGB", (20, 20), colour), (30, 20))
    picture.save(path, "PNG")
    return str(path)


@pytest.mark.parametrize("faces", [100, 333, 1000, 40_000])
@pytest.mark.parametrize("prompt", THINGS)
def test_a_thing_is_closed_and_has_about_the_triangles_that_were_asked_for(
    tmp_path: Path, prompt: str, faces: int
) -> None:
    mesh = opened(made(a_spec(tmp_path, prompt=prompt, faces=faces)))
    assert abs(len(mesh.faces) - faces) <= faces / 10
    mesh = welded(mesh)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0.1  # negative if the insides were out


@pytest.mark.parametrize("faces", [100, 1000, 40_000])
@pytest.mark.parametrize("sides", [SIDES[:1], SIDES[:2], SIDES])
def test_a_relief_is_closed_too(tmp_path: Path, sides: tuple[str, ...], faces: int) -> None:
    views = {side: a_picture(tmp_path / side) for side in sides}
    mesh = opened(made(a_spec(tmp_path, views=views, faces=faces)))
    assert abs(len(mesh.faces) - faces) <= faces / 10
    mesh = welded(mesh)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0.1


@pytest.mark.parametrize("prompt", THINGS)
def test_normals_are_of_length_one_and_point_as_the_triangles_do(
    tmp_path: Path, prompt: str
) -> None:
    surface, _ = surface_and_atlas(a_spec(tmp_path, prompt=prompt))
    assert np.allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-5)
    corners = surface.vertices[surface.faces]
    fronts = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    agree = (fronts[:, None] * surface.normals[surface.faces]).sum(axis=-1) > 0
    assert agree.mean() > 0.97  # sharp bumps turn a few
    assert surface.uv.min() >= 0
    assert surface.uv.max() <= 1


def test_the_texture_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    mesh = opened(made(a_spec(tmp_path, texture_side=256, has_pbr=True)))
    material = mesh.visual.material
    assert material.baseColorTexture.size == (256, 256)
    assert material.metallicRoughnessTexture.size == (256, 256)
    assert mesh.visual.uv.shape == (len(mesh.vertices), 2)


def test_roughness_is_one_number_unless_it_is_asked_for(tmp_path: Path) -> None:
    material = opened(made(a_spec(tmp_path))).visual.material
    assert material.metallicRoughnessTexture is None
    assert material.roughnessFactor == pytest.approx(0.85)


def test_without_a_texture_every_point_has_a_colour(tmp_path: Path) -> None:
    mesh = opened(made(a_spec(tmp_path, prompt="a red fox", has_texture=False)))
    assert mesh.visual.kind == "vertex"
    red, green, blue, _ = mesh.visual.vertex_colors.mean(axis=0)
    assert red > green
    assert red > blue


def test_one_seed_makes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    one, again, other = (made(a_spec(tmp_path, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_two_prompts_for_one_thing_make_two_shapes(tmp_path: Path) -> None:
    one, other = (
        surface_and_atlas(a_spec(tmp_path, prompt=prompt))[0]
        for prompt in ("a fox", "a fox that sleeps")
    )
    assert not np.array_equal(one.vertices, other.vertices)


def test_the_picture_is_the_texture_and_its_light_the_height(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    picture = Image.new("RGB", (64, 64), "black")
    picture.paste(Image.new("RGB", (32, 64), "white"), (0, 0))
    picture.save(path, "PNG")
    surface, atlas = surface_and_atlas(
        a_spec(tmp_path, views={"front": str(path)}, faces=4000, texture_side=256)
    )
    front = surface.normals[:, 2] > 0.5
    left = front & (surface.vertices[:, 0] < -0.3)
    right = front & (surface.vertices[:, 0] > 0.3)
    assert surface.vertices[left, 2].mean() > surface.vertices[right, 2].mean() + 0.05
    assert atlas.sample(surface.uv[left]).mean() > 240
    assert atlas.sample(surface.uv[right]).mean() < 15


def test_a_still_shows_the_mesh_in_its_colours(tmp_path: Path) -> None:
    stills = Stills()
    make(a_spec(tmp_path, prompt="a red fox"), stills)
    (still,) = (Image.open(BytesIO(one)) for one in stills.shown)
    assert still.size == (512, 512)
    pixels = np.asarray(still.convert("RGB")).reshape(-1, 3).astype(int)
    is_red = pixels[:, 0] > pixels[:, 2] + 60
    assert 0.02 < is_red.mean() < 0.6


def test_the_file_names_what_its_views_hold(tmp_path: Path) -> None:
    content = made(a_spec(tmp_path))
    length = int.from_bytes(content[12:16], "little")
    tree = msgspec.json.decode(content[20 : 20 + length])
    (primitive,) = tree["meshes"][0]["primitives"]
    assert set(primitive["attributes"]) == {"POSITION", "NORMAL", "TEXCOORD_0"}
    assert [view.get("target") for view in tree["bufferViews"]].count(None) == 1  # the picture
