"""The parameters of the 3d models."""

from __future__ import annotations

from typing import Any

import pytest

from ringback.engines.sketch.mesh.parameters import faces_of, texture_side_of, views_of


@pytest.mark.parametrize(
    ("inputs", "faces"),
    [
        ({}, 20_000),
        ({"face_count": 40_000}, 40_000),
        ({"face_limit": 1000.4}, 1000),
        ({"target_polycount": 100}, 100),
        ({"decimation_target": 2_000_000, "resolution": "512"}, 2_000_000),
        ({"resolution": "1536"}, 200_000),
        ({"face_count": 10**9}, 2_000_000),
    ],
)
def test_the_number_of_triangles_is_read_under_every_name(
    inputs: dict[str, Any], faces: int
) -> None:
    assert faces_of(inputs) == faces


@pytest.mark.parametrize(
    ("value", "side"),
    [(None, 1024), ("2048", 2048), (512.0, 512), (1, 64), (10**9, 4096), ("large", 1024)],
)
def test_the_texture_is_as_large_as_asked_within_bounds(value: object, side: int) -> None:
    assert texture_side_of({"texture_size": value}) == side


def test_pictures_show_the_front_first_and_named_sides_have_their_own() -> None:
    inputs = {
        "image_urls": ["https://x/front", "https://x/back"],
        "back_image_url": "https://x/rear",
        "left_front_image_url": "https://x/corner",
    }
    assert views_of(inputs) == {
        "front": "https://x/front",
        "back": "https://x/rear",
        "left": "https://x/corner",
    }


def test_a_side_goes_before_its_corner() -> None:
    inputs = {"left_front_image_url": "https://x/corner", "left_image_url": "https://x/left"}
    assert views_of(inputs) == {"left": "https://x/left"}


def test_words_decide_where_the_request_says_so() -> None:
    assert not views_of({"input_mode": "text", "image_urls": ["https://x/front"]})
