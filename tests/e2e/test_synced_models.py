"""A model that only a synced description has works at once: its kind's drawing serves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ringback.cli.program import run
from ringback.testing.emulator import Emulator

PICTURE = {"prompt": {"type": "string"}, "width": {"type": "number"}, "height": {"type": "number"}}
CLIP = {"prompt": {"type": "string"}, "duration": {"type": "number"}, **PICTURE}


@pytest.mark.parametrize(
    ("kind", "properties", "media_type"),
    [("image", PICTURE, "image/png"), ("video", CLIP, "video/mp4")],
)
def test_a_synced_route_ends_a_job_in_a_file_of_its_kind(
    tmp_path: Path, kind: str, properties: dict[str, Any], media_type: str
) -> None:
    path = f"/generate/{kind}/studio/poster"
    source = tmp_path / "routes.json"
    source.write_text(json.dumps({"routes": {path: {"body": {"properties": properties}}}}))
    folder = tmp_path / "models"
    assert run(["models", "sync", "--from", str(source), "--models", str(folder)]) == 0
    body = {"prompt": "a fox", "width": 64, "height": 64}
    body |= {"duration": 1} if "duration" in properties else {}
    with Emulator(tmp_path / "data", models=folder) as emulator:
        headers = {"authorization": "Bearer dev", "prefer": "wait=60"}
        with httpx2.Client(base_url=emulator.url, headers=headers, timeout=90) as client:
            job = client.post(path, json=body).raise_for_status().json()
            assert job["status"] == "completed", job
            made = client.get(job["result"]["urls"][0])
            assert made.headers["content-type"].startswith(media_type)
