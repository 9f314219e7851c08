"""Reading of prompts, sizes and counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.engines.sketch.compose import RECIPES
from ringback.engines.sketch.parameters import COUNT_MAX, PIXELS_MAX, count_of, size_of
from ringback.engines.sketch.reading import Scene, read, seed_of
from ringback.engines.sketch.words import KINDS
from tests.e2e.harness import contract_folder


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a serene mountain landscape at sunset", ("mountains", "sunset", "clear", "summer")),
        ("A HARBOUR IN FOG, early morning", ("sea", "dawn", "fog", "summer")),
        ("a red fox in snow", ("forest", "day", "snow", "winter")),
        ("neon city at midnight in the rain", ("city", "night", "rain", "summer")),
        ("a spiral galaxy", ("space", "night", "clear", "summer")),
        ("gunung di waktu senja", ("mountains", "sunset", "clear", "summer")),
        ("hutan berkabut di pagi hari", ("forest", "dawn", "fog", "summer")),
        ("kota di malam hari, hujan", ("city", "night", "rain", "summer")),
        ("autumn lake", ("lake", "day", "clear", "autumn")),
        ("winter desert", ("desert", "day", "cloudy", "winter")),
        ("joy", ("portrait", "day", "clear", "summer")),
        ("", ("portrait", "day", "clear", "summer")),
        ("seaside-not-a-word unseal", ("portrait", "day", "clear", "summer")),
    ],
)
def test_a_prompt_is_read(prompt: str, expected: tuple[str, ...]) -> None:
    scene = read(prompt)
    assert (scene.kind, scene.time, scene.weather, scene.season) == expected


def test_named_colours_are_read_in_their_order_and_once() -> None:
    assert len(read("blue and gold-red, blue, then violet and green").colours) == 3
    assert read("merah").colours == read("red").colours


def test_every_scene_of_the_vocabulary_has_a_recipe() -> None:
    assert {*KINDS.values(), Scene().kind} == set(RECIPES)


@given(st.text(max_size=300))
def test_any_text_gives_a_scene_and_a_seed(prompt: str) -> None:
    assert read(prompt).kind in RECIPES
    assert 0 <= seed_of(prompt) < 2**32


def test_only_the_beginning_of_a_huge_prompt_is_read() -> None:
    assert read("x" * 5_000_000 + " mountain").kind == "portrait"


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ({"width": 1024, "height": 576}, (1024, 576)),
        ({"width": 640.0, "height": 640.5}, (640, 640)),
        ({"aspect_ratio": "1:1", "resolution": "1K"}, (1024, 1024)),
        ({"aspect_ratio": "16:9", "resolution": "2K"}, (2048, 1152)),
        ({"aspect_ratio": "9:16", "resolution": "1K"}, (576, 1024)),
        ({"aspect_ratio": "2.35:1", "resolution": "1K"}, (1024, 436)),
        ({"size": "1536x1024"}, (1536, 1024)),
        ({"image_size": "1024x1536"}, (1024, 1536)),
        ({"aspect_ratio": "1:1"}, (1024, 1024)),
        ({}, (1024, 1024)),
        ({"size": "auto"}, (1024, 1024)),
        ({"aspect_ratio": "0:0"}, (1024, 1024)),
    ],
)
def test_a_size_can_be_requested_in_many_ways(body: dict[str, Any], size: tuple[int, int]) -> None:
    assert size_of(body) == size


def test_an_image_without_a_size_has_the_requested_ratio() -> None:
    width, height = size_of({"aspect_ratio": "16:9"})
    assert width / height == pytest.approx(16 / 9, rel=0.01)
    assert width * height == pytest.approx(1024 * 1024, rel=0.01)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(st.integers(), st.floats(), st.text(max_size=12), st.none())
            for name in ("width", "height", "size", "aspect_ratio", "resolution", "num_images")
        },
    )
)
def test_the_size_of_an_image_is_always_within_limits(
    body: dict[str, Any],
) -> None:
    width, height = size_of(body)
    assert width >= 16
    assert height >= 16
    assert width * height <= PIXELS_MAX * 1.01 or min(width, height) == 16
    assert 1 <= count_of(body) <= COUNT_MAX


def test_every_size_and_count_of_the_contracts_models_is_understood() -> None:
    text = (Path(contract_folder()) / "catalogue.json").read_text("utf-8")
    endpoints = [one for one in json.loads(text)["endpoints"] if one["kind"] == "image"]
    sizes = set()
    for endpoint in endpoints:
        for name in ("aspect_ratio", "resolution", "size", "image_size"):
            for value in endpoint["params"].get(name, {}).get("enum", ()):
                if value != "auto":
                    sizes.add((name, value))
    default = size_of({})
    for name, value in sizes:
        if value not in ("1:1", "1K", "1024x1024", "1024*1024", "square"):
            assert size_of({name: value}) != default, (name, value)
