"""A user's own models, from their file to a finished job."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx2
import pytest

from tests.cli.program import Program
from tests.docs.pages import blocks

MODEL, *_, CONFIG = blocks("docs/models.md", "toml")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The documentation's own files."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "studio.toml").write_text(MODEL)
    file = tmp_path / "ringback.toml"
    file.write_text(CONFIG.replace('"models"', json.dumps(str(tmp_path / "models")), 1))
    return file


def test_models_that_are_well_are_named_with_their_engines(ringback: Program, config: Path) -> None:
    done = ringback.run("models", "check", "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert "yours   image/studio/poster, served by sketch" in done.stdout
    assert "routed  image/bfl/flux-1-dev, served by null" in done.stdout
    checked = json.loads(ringback.run("models", "check", "--config", str(config), "--json").stdout)
    assert {"id": "studio/poster", "kind": "image", "engine": "sketch"} in checked["changed"]


def test_without_own_models_all_are_well(ringback: Program) -> None:
    done = ringback.run("models", "check")
    assert done.returncode == 0
    assert done.stdout.startswith("All ")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ('engine = "sketch"', "asks for the engine 'dream'; there is sketch and null"),
        ("min = 256, max = 2048, default = 724", "parameter width"),
        ('name = "poster"', "studio.toml"),
        ('provider = "studio"', "studio.toml"),
    ],
)
def test_a_wrong_model_file_is_one_sentence(
    ringback: Program, config: Path, wrong: str, sentence: str
) -> None:
    right = {
        'engine = "sketch"': 'engine = "dream"',
        'name = "poster"': 'name = "po ster"',
        'provider = "studio"': "provider = ",
    }
    spoiled = MODEL.replace(wrong, right.get(wrong, "min = 256, max = 2048, default = 7"))
    (config.parent / "models" / "studio.toml").write_text(spoiled)
    config.write_text(f"models = {json.dumps(str(config.parent / 'models'))}\n")
    done = ringback.run("models", "check", "--config", str(config))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") <= 2


def test_a_route_to_a_model_that_there_is_not_names_those_that_resemble_it(
    ringback: Program, config: Path
) -> None:
    config.write_text('[engines]\n"bfl/flux-1-dew" = "null"\n')
    done = ringback.run("models", "check", "--config", str(config))
    assert done.returncode == 1
    assert "did you mean" in done.stderr
    assert "bfl/flux-1-dev" in done.stderr


def test_an_own_model_is_served_and_a_routed_one_by_its_new_engine(
    ringback: Program, config: Path
) -> None:
    server = ringback.start("dev", "--port", "0", "--json", "--config", str(config))
    url = server.ready()["url"]
    headers = {"authorization": "Bearer dev", "prefer": "wait=15"}
    with httpx2.Client(base_url=url, headers=headers, timeout=20) as client:
        own = client.post("/generate/image/studio/poster", json={"prompt": "a fox"}).json()
        routed = client.post("/generate/image/bfl/flux-1-dev", json={"prompt": "a fox"}).json()
        refused = client.post("/generate/image/studio/poster", json={"prompt": "x", "steps": 3})
    assert (own["status"], own["engine"]) == ("completed", "sketch")
    assert (routed["status"], routed["engine"]) == ("completed", "null")
    assert refused.status_code == 400
    assert server.end(signal.SIGTERM) == 0
