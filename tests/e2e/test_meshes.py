"""Meshes on a real server: made, listed and exported."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx2
import pytest
import trimesh

from tests.e2e.harness import LiveServer

BODY = {"prompt": "a blue fox", "target_polycount": 500}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("meshes") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def client(live: LiveServer) -> Iterator[httpx2.Client]:
    headers = {"authorization": "Bearer meshes"}
    with httpx2.Client(base_url=live.url, headers=headers, timeout=90) as client:
        yield client


def ended(client: httpx2.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body, headers={"prefer": "wait=60"})
    while (job := answer.raise_for_status().json()).get("completed_at") is None:
        answer = client.get(f"/jobs/{job['job_id']}?wait=60")
    return dict(job)


@pytest.fixture(scope="module")
def mesh_url(client: httpx2.Client) -> str:
    job = ended(client, "/generate/3d/meshy/meshy-7", BODY)
    assert job["status"] == "completed", job
    (url,) = job["result"]["urls"]
    return str(url)


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("obj", "application/zip"), ("stl", "model/stl"), ("ply", "model/ply")],
)
def test_a_result_is_exported(
    client: httpx2.Client, mesh_url: str, form: str, media_type: str
) -> None:
    job = ended(client, "/export/3d", {"url": mesh_url, "format": form})
    assert job["status"] == "completed", job
    answer = client.get(job["result"]["urls"][0])
    assert answer.headers["content-type"] == media_type
    content = answer.content
    if form == "obj":
        with zipfile.ZipFile(BytesIO(content)) as archive:
            content = archive.read("mesh.obj")
    mesh: Any = trimesh.load(BytesIO(content), file_type=form, force="mesh")
    assert len(mesh.faces) == pytest.approx(500, rel=0.1)


def test_an_asset_is_exported_too(client: httpx2.Client, mesh_url: str) -> None:
    content = client.get(mesh_url).content
    files = {"file": ("fox.glb", content, "model/gltf-binary")}
    asset = client.post("/assets", files=files).raise_for_status().json()
    job = ended(client, "/export/3d", {"url": asset["image_url"], "format": "stl"})
    assert job["status"] == "completed", job


def test_what_is_not_written_is_refused_at_once(client: httpx2.Client, mesh_url: str) -> None:
    answer = client.post("/export/3d", json={"url": mesh_url, "format": "fbx"})
    assert answer.status_code == 400
    assert "format must be one of obj, stl, ply" in answer.json()["error"]


def test_a_file_that_is_no_mesh_fails_the_job_with_a_sentence(client: httpx2.Client) -> None:
    job = ended(
        client, "/export/3d", {"url": "data:model/gltf-binary;base64,AAAA", "format": "stl"}
    )
    assert job["status"] == "failed"
    assert "mesh cannot be read" in job["result"]["error"]


def test_a_mesh_is_listed_by_its_type(client: httpx2.Client, mesh_url: str) -> None:
    listed = client.get("/jobs", params={"types": "external3d"}).json()["items"]
    assert [one["result"]["urls"] for one in listed] == [[mesh_url]]
    assert mesh_url.endswith(".glb")
