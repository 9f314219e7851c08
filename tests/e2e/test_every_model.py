"""A job of every model, on a real server: it completes, and its result is of the model's kind.

Sizes and lengths are the smallest that the model takes: what is shown is that its route works.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from ringback.catalogue.catalogue import Catalogue, Model
from ringback.catalogue.example import example_of
from tests.e2e.harness import LiveServer
from tests.media_files import png

MODELS = [model for model in Catalogue.load() if model.provider != "ringback"]
KINDS = {"image": "image/", "video": "video/mp4", "enhance": "image/", "3d": "model/gltf-binary"}
SMALL: dict[str, int] = {"width": 64, "height": 64}
CLIP = ("/generate/video/xai/grok-video", {"prompt": "x", "duration": 1, "resolution": "480p"})
FACES = ("face_count", "face_limit", "target_polycount", "decimation_target")
LOW = ("480p", "512p", "720p", "768p")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("every") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def client(live: LiveServer) -> Iterator[httpx2.Client]:
    headers = {"authorization": "Bearer every"}
    with httpx2.Client(base_url=live.url, headers=headers, timeout=90) as client:
        yield client


def completed(client: httpx2.Client, path: str, body: dict[str, Any]) -> str:
    """Return where the result is of a job that was waited for."""
    answer = client.post(path, json=body, headers={"prefer": "wait=60"})
    while (job := answer.raise_for_status().json()).get("completed_at") is None:
        answer = client.get(f"/jobs/{job['job_id']}?wait=60")  # for as long as the test may take
    assert job["status"] == "completed", job
    url: str = job["result"]["urls"][0]
    return url


@pytest.fixture(scope="module")
def picture(client: httpx2.Client) -> str:
    files = {"file": ("fox.png", png(size=(64, 48)), "image/png")}
    url: str = client.post("/assets", files=files).json()["image_url"]
    return url


def smallest_of(model: Model, *, picture: str, client: httpx2.Client) -> dict[str, Any]:
    """Return the model's example with its media in place, and as little to do as it allows."""
    body = example_of(model)
    for name, parameter in model.parameters.items():
        if parameter.type == "media" and parameter.required:
            body[name] = completed(client, *CLIP) if "video" in name else picture
        elif parameter.required and getattr(parameter.items, "type", None) == "media":
            body[name] = [picture]
        elif name in ("width", "height") and parameter.type in ("number", "integer"):
            body[name] = max(SMALL[name], parameter.min or 0)
        elif name == "duration":
            body[name] = min(parameter.enum or [parameter.min or 1])
        elif name in FACES:
            body[name] = parameter.min
        elif name == "resolution" and set(parameter.enum or ()) & set(LOW):
            body[name] = next(one for one in LOW if one in (parameter.enum or ()))
        elif name == "reference_images" and parameter.required:
            body[name] = [{"url": picture, "tag": "fox"}]
    return body


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.kind}/{model.id}")
def test_a_job_of_the_model_completes_with_a_result_of_its_kind(
    client: httpx2.Client, picture: str, model: Model
) -> None:
    body = smallest_of(model, picture=picture, client=client)
    made = client.get(completed(client, model.path, body))
    assert made.headers["content-type"].startswith(KINDS[model.kind])
    assert len(made.content) > 100
