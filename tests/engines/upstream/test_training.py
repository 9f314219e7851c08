"""Trainings at a provider: the provider keeps the style and uses it by its id."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from ringback.testing.emulator import Emulator


def a_picture() -> bytes:
    output = BytesIO()
    Image.new("RGB", (32, 32), (200, 40, 40)).save(output, "PNG")
    return output.getvalue()


def client_of(emulator: Emulator) -> httpx2.Client:
    headers = {"authorization": "Bearer dev", "prefer": "wait=30"}
    return httpx2.Client(base_url=emulator.url, headers=headers, timeout=40)


@pytest.mark.timeout(90)
def test_a_training_goes_to_the_provider_that_serves_it_and_so_does_the_style(
    tmp_path: Path,
) -> None:
    with Emulator(tmp_path / "there") as there, client_of(there) as provider:
        upstream = {"type": "krea", "base_url": there.url, "api_key": "dev", "poll_s": 0.1}
        engines = {"studio": upstream, "styles/*": "studio", "bfl/flux-1-dev": "studio"}
        with Emulator(tmp_path / "here", engines=engines) as here, client_of(here) as client:
            upload = provider.post("/assets", files={"file": ("ink.png", a_picture())})
            body = {"name": "Ink", "urls": [upload.json()["image_url"]]}
            trained = client.post("/styles/train", json=body).json()
            assert trained["status"] == "completed", trained
            style_id = trained["result"]["style_id"]
            assert provider.get(f"/styles/{style_id}").json()["title"] == "Ink"
            assert client.get(f"/styles/{style_id}").status_code == 404
            styles = [{"id": style_id, "strength": 1}]
            drawn = client.post(
                "/generate/image/bfl/flux-1-dev", json={"prompt": "a lake", "styles": styles}
            ).json()
            assert drawn["status"] == "completed", drawn
            unknown = [{"id": "no-such-style", "strength": 1}]
            refused = client.post(
                "/generate/image/bfl/flux-1-dev", json={"prompt": "a lake", "styles": unknown}
            ).json()
            assert "styles/0/id" in refused["result"]["error"]
