"""``ringback models drift`` and ``sync`` with descriptions in files and on a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.testing.server import RingbackServer
from tests.cli.inside import Inside

PROMPT = {"type": "string"}


def described(folder: Path, **routes: Any) -> str:
    """Write a description of these routes of the provider studio, and return its path."""
    bodies = {
        f"/generate/image/studio/{name}": {"name": name, "body": {"properties": properties}}
        for name, properties in routes.items()
    }
    path = folder / "routes.json"
    path.write_text(json.dumps({"routes": bodies}), "utf-8")
    return str(path)


def test_two_descriptions_are_compared_as_a_table_and_as_json(
    inside: Inside, tmp_path: Path
) -> None:
    (tmp_path / "before").mkdir()
    before = described(tmp_path / "before", old={}, same={"prompt": PROMPT})
    after = described(tmp_path, new={}, same={"prompt": {**PROMPT, "maxLength": 9}})
    arguments = ("models", "drift", "--from", after, "--against", before)
    shown = inside(*arguments, status=1)
    assert shown.out.splitlines() == [
        "new      image/studio/new",
        "gone     image/studio/old",
        "changed  image/studio/same",
        "           bounds    prompt: none -> max_length 9",
        "1 new, 1 gone, 0 changed; 1 more differ in bounds, defaults or choices alone.",
    ]
    assert inside(*arguments, "--json", status=1).document == {
        "new": ["image/studio/new"],
        "gone": ["image/studio/old"],
        "changed": {
            "image/studio/same": [
                {"field": "prompt", "aspect": "bounds", "before": {}, "after": {"max_length": 9}}
            ]
        },
        "unread": {},
    }


def test_a_server_of_the_same_models_has_no_drift(
    inside: Inside, ringback_server: RingbackServer
) -> None:
    shown = inside("models", "drift", "--from", f"{ringback_server.url}/openapi.json")
    assert shown.out.startswith("0 new, 0 gone, 0 changed; 0 more")


def test_a_day_has_drift_from_another(inside: Inside, tmp_path: Path) -> None:
    source = described(tmp_path, poster={"prompt": PROMPT})
    newest, older = (
        inside("models", "drift", "--from", source, "--json", *day, status=1).document["gone"]
        for day in ((), ("--krea-as-of", "2026-05-27"))
    )
    assert "video/vidu/q3" in newest
    assert "video/kling/kling-1" in older
    assert "video/vidu/q3" not in older


def test_models_are_synced_into_a_folder_that_a_server_reads(
    inside: Inside, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    source = described(tmp_path, poster={"prompt": PROMPT})
    first = inside("models", "sync", "--from", source, "--models", str(folder))
    assert first.out.startswith("new      image/studio/poster\ngone     ")
    assert f"--models {folder}" in first.err
    synced = Catalogue.load(folder)
    assert [one.path for one in synced if one.provider != "ringback"] == [
        "/generate/image/studio/poster"
    ]
    again = inside("models", "drift", "--from", source, "--models", str(folder))
    assert again.out.startswith("0 new, 0 gone, 0 changed")
    inside("models", "check", "--models", str(folder))


def test_a_sync_replaces_its_files_and_leaves_yours(inside: Inside, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    own = folder / "own.toml"
    own.write_text('provider = "own"\nengine = "null"\ntype = "own"\n', "utf-8")
    stale = folder / "synced-gone.toml"
    stale.write_text('provider = "gone"\nengine = "null"\ntype = "own"\n', "utf-8")
    source = described(tmp_path, poster={"prompt": PROMPT})
    inside("models", "sync", "--from", source, "--models", str(folder))
    assert own.exists()
    assert not stale.exists()
    assert (folder / "synced-studio.toml").exists()


def test_a_route_that_cannot_be_read_is_named_and_fails(inside: Inside, tmp_path: Path) -> None:
    source = described(tmp_path, poster={"prompt": {"type": "mystery"}})
    shown = inside("models", "drift", "--from", source, status=1)
    assert "image/studio/poster is left out: prompt: its type is 'mystery'." in shown.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "no routes that begin with /generate/"),
    ],
)
def test_a_source_that_is_none_is_refused_in_a_sentence(
    inside: Inside, tmp_path: Path, content: str | None, sentence: str
) -> None:
    path = tmp_path / "description.json"
    if content is not None:
        path.write_text(content, "utf-8")
    shown = inside("models", "drift", "--from", str(path), status=1)
    assert sentence in shown.err


def test_a_sync_needs_a_folder(inside: Inside, tmp_path: Path) -> None:
    source = described(tmp_path, poster={"prompt": PROMPT})
    assert "--models" in inside("models", "sync", "--from", source, status=2).err
