"""Exports of meshes, opened by trimesh again; hostile files are refused with a sentence."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trimesh

from ringback.engines.sketch.mesh.exporting import export
from ringback.engines.sketch.mesh.making import make
from ringback.engines.sketch.mesh.spec import ExportSpec, MeshSpec
from ringback.errors import EngineError
from tests.engines.sketch.mesh.test_making import Stills

Tree = dict[str, Any]


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("fox") / "fox.glb"
    make(MeshSpec(prompt="a red fox", seed=1, faces=800, texture_side=64, out=str(path)), Stills())
    return path.read_bytes()


def exported(content: bytes, form: str, folder: Path) -> bytes:
    source, out = folder / "source", folder / "out"
    source.write_bytes(content)
    export(ExportSpec(source=str(source), out=str(out), format=form), Stills())
    return out.read_bytes()


def changed(content: bytes, change: Callable[[Tree], object]) -> bytes:
    """Return a GLB whose JSON was changed."""
    length = int.from_bytes(content[12:16], "little")
    tree: Tree = msgspec.json.decode(content[20 : 20 + length])
    change(tree)
    text = msgspec.json.encode(tree)
    text += b" " * (-len(text) % 4)
    rest = content[20 + length :]
    size = 20 + len(text) + len(rest)
    head = content[:8] + size.to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return head + b"JSON" + text + rest


@pytest.mark.parametrize("form", ["stl", "ply"])
def test_the_export_has_the_same_triangles(fox: bytes, form: str, tmp_path: Path) -> None:
    mesh: Any = trimesh.load(
        BytesIO(exported(fox, form, tmp_path)), file_type=form, force="mesh", process=False
    )
    own: Any = trimesh.load(BytesIO(fox), file_type="glb", force="mesh", process=False)
    assert len(mesh.faces) == len(own.faces)
    assert mesh.area == pytest.approx(own.area, rel=1e-3)
    assert mesh.bounds == pytest.approx(own.bounds, abs=1e-4)


def test_a_ply_has_the_textures_colours_at_its_points(fox: bytes, tmp_path: Path) -> None:
    mesh: Any = trimesh.load(
        BytesIO(exported(fox, "ply", tmp_path)), file_type="ply", process=False
    )
    red, green, blue, _ = mesh.visual.vertex_colors.mean(axis=0)
    assert red > green
    assert red > blue


def test_an_obj_comes_with_its_material_and_texture(fox: bytes, tmp_path: Path) -> None:
    content = exported(fox, "obj", tmp_path)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "obj")
    assert {"mesh.obj", "mesh.mtl"} < names
    text = (tmp_path / "obj" / "mesh.obj").read_text("utf-8")
    assert text.count("\nvn ") == text.count("\nv ")
    mesh: Any = trimesh.load(tmp_path / "obj" / "mesh.obj", force="mesh", process=False)
    assert len(mesh.faces) == pytest.approx(800, rel=0.1)
    assert mesh.visual.material.image.size == (64, 64)
    assert exported(fox, "obj", tmp_path) == content


def test_a_mesh_that_a_node_moves_is_exported_where_it_stands(fox: bytes, tmp_path: Path) -> None:
    def move(tree: Tree) -> None:
        node = next(one for one in tree["nodes"] if "mesh" in one)
        node.pop("matrix", None)
        node["translation"] = [5, 0, 0]

    content = exported(changed(fox, move), "obj", tmp_path)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        mesh: Any = trimesh.load(BytesIO(archive.read("mesh.obj")), file_type="obj", force="mesh")
    assert mesh.bounds[0][0] > 3


def test_a_mesh_with_colours_alone_is_exported_too(tmp_path: Path) -> None:
    path = tmp_path / "plain.glb"
    spec = MeshSpec(prompt="x", seed=1, faces=200, has_texture=False, out=str(path))
    make(spec, Stills())
    for form in ("obj", "stl", "ply"):
        assert len(exported(path.read_bytes(), form, tmp_path)) > 500


def _huge(tree: Tree) -> None:
    tree["accessors"][0]["count"] = 10**12


def _of_other_files(tree: Tree) -> None:
    tree["buffers"][0]["uri"] = "file:///etc/passwd"


def _needs_draco(tree: Tree) -> None:
    tree["extensionsRequired"] = ["KHR_draco_mesh_compression"]


def _many_copies(tree: Tree) -> None:
    tree["nodes"] += [{"mesh": 0}] * 9_000


def _ring(tree: Tree) -> None:
    tree["nodes"] += [{"children": [len(tree["nodes"])]}]
    tree["scenes"][0]["nodes"] = [len(tree["nodes"]) - 1]


def _many_nodes(tree: Tree) -> None:
    tree["nodes"] += [{}] * 10_001


def _wrong_types(tree: Tree) -> None:
    tree["accessors"] = 7


def _beyond_its_view(tree: Tree) -> None:
    tree["accessors"][0]["bufferView"] = 99


def _sparse(tree: Tree) -> None:
    tree["accessors"][0]["sparse"] = {"count": 5}


def _nothing(tree: Tree) -> None:
    tree["scenes"][0]["nodes"] = []
    tree["nodes"] = []
    tree["meshes"] = []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_huge, "too many points"),
        (_of_other_files, "names other files"),
        (_needs_draco, "needs KHR_draco_mesh_compression, which is not read here"),
        (_many_copies, "more than 4,000,000 triangles"),
        (_ring, "cannot be read"),
        (_many_nodes, "more than 10,000 parts"),
        (_wrong_types, "cannot be read"),
        (_beyond_its_view, "cannot be read"),
        (_sparse, "cannot be read"),
        (_nothing, "no triangles"),
    ],
)
def test_a_hostile_file_is_refused_with_a_sentence(
    fox: bytes, change: Callable[[Tree], object], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=sentence):
        exported(changed(fox, change), "stl", tmp_path)


@pytest.mark.parametrize("content", [b"", b"glTF", b"ply\n", b"{}", b"glTF" + bytes(60)])
def test_a_file_that_is_no_mesh_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        exported(content, "obj", tmp_path)


@pytest.mark.parametrize("cut", [0.2, 0.6, 0.99])
def test_a_file_that_is_cut_short_is_refused(fox: bytes, cut: float, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        exported(fox[: int(len(fox) * cut)], "stl", tmp_path)


def test_a_picture_that_would_be_huge_is_refused(fox: bytes, tmp_path: Path) -> None:
    # The size in a JPEG's frame header is what a decoder would make room for.
    at = fox.index(b"\xff\xc0") + 5
    bomb = fox[:at] + b"\xff\xff\xff\xff" + fox[at + 4 :]
    with pytest.raises(EngineError, match=r"megapixels|cannot be read"):
        exported(bomb, "obj", tmp_path)


def test_a_format_that_is_not_written_is_refused_with_a_sentence(
    fox: bytes, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match="FBX is not written here; ask for obj, stl or ply"):
        exported(fox, "fbx", tmp_path)
