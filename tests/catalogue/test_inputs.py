"""Inputs of models: validation, error messages and defaults."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.catalogue.catalogue import Catalogue
from ringback.errors import InvalidRequest

CATALOGUE = Catalogue.load()
BEFORE = Catalogue.of_day(date(2026, 5, 27))
FLUX = "bfl/flux-1-dev"
KREA = "krea/krea-2/medium"
KLING = "kling/kling-1"  # with a union; it is gone on the newest day
RUNWAY = "runway/gen-4-image"
URL = "https://example.com/fox.png"
KREA_BODY = {"prompt": "x", "aspect_ratio": "1:1", "resolution": "1K"}


def validated(model_id: str, body: object) -> dict[str, Any]:
    catalogue = BEFORE if model_id == KLING else CATALOGUE
    model = next(model for model in catalogue if model.id == model_id)
    return catalogue.validate(model, body).input


def refused(model_id: str, body: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        validated(model_id, body)
    return caught.value


def faults(model_id: str, body: object) -> list[tuple[str, str]]:
    return [(fault.path, fault.message) for fault in refused(model_id, body).details]


NOT_MEDIA = "must be an http(s) URL or a data: URI"


@pytest.mark.parametrize(
    ("model_id", "changed", "path", "message"),
    [
        (FLUX, {"width": 9000}, "/width", "must be at most 2368, not 9000"),
        (FLUX, {"width": 511.5}, "/width", "must be at least 512, not 511.5"),
        (FLUX, {"width": "9"}, "/width", "must be a number, not a string"),
        (FLUX, {"width": True}, "/width", "must be a number, not true"),
        (FLUX, {"width": None}, "/width", "must be a number, not null"),
        (FLUX, {"width": [1]}, "/width", "must be a number, not a list"),
        (FLUX, {"width": {}}, "/width", "must be a number, not an object"),
        (FLUX, {"width": 10**5000}, "/width", "must be at most 2368"),
        (FLUX, {"width": -(10**400)}, "/width", "must be at least 512"),
        (FLUX, {"seed": 2**64}, "/seed", f"must be at most {2**64 - 1}, not {2**64}"),
        (FLUX, {"seed": 1e308}, "/seed", f"must be at most {2**64 - 1}"),
        (FLUX, {"steps": 2.5}, "/steps", "must be a whole number, not 2.5"),
        (FLUX, {"steps": False}, "/steps", "must be a whole number, not false"),
        (FLUX, {"steps": 101.0}, "/steps", "must be at most 100, not 101.0"),
        (FLUX, {"prompt": 5}, "/prompt", "must be a string, not a number"),
        (FLUX, {"prompt": "é" * 1801}, "/prompt", "must have at most 1800 characters, not 1801"),
        (FLUX, {"image_url": 5}, "/image_url", "must be a string or null, not a number"),
        (FLUX, {"image_url": "ftp://example.com/a"}, "/image_url", NOT_MEDIA),
        (FLUX, {"image_url": "/etc/passwd"}, "/image_url", NOT_MEDIA),
        (FLUX, {"image_url": "https://"}, "/image_url", NOT_MEDIA),
        (FLUX, {"styles": {}}, "/styles", "must be a list, not an object"),
        (FLUX, {"styles": ["x"]}, "/styles/0", "must be an object, not a string"),
        (FLUX, {"styles": [{"id": "x"}]}, "/styles/0/strength", "is required"),
        (
            FLUX,
            {"styles": [{"id": "a", "strength": 1}, {"id": "b", "strength": 3}]},
            "/styles/1/strength",
            "must be at most 2, not 3",
        ),
        (
            FLUX,
            {"style_images": [{"strength": 1, "url": "x"}]},
            "/style_images/0/url",
            NOT_MEDIA,
        ),
        (FLUX, {"imageUrl": "x"}, "/imageUrl", NOT_MEDIA),
        (FLUX, {"heigth": 1}, "/heigth", "is not a field of this model (did you mean height?)"),
        (FLUX, {"zzz": 1}, "/zzz", "is not a field of this model"),
        (FLUX, {"a/b~c": 1}, "/a~1b~0c", "is not a field of this model"),
        (
            KREA,
            {"creativity": "wild"},
            "/creativity",
            "must be one of raw, low, medium, high",
        ),
        (KREA, {"creativity": None}, "/creativity", "must be a string, not null"),
        (KREA, {"moodboards": [{"id": "x"}]}, "/moodboards/0/id", "must be a UUID"),
        (
            KREA,
            {"moodboards": [{"id": "550e8400-e29b-41d4-a716-446655440000"}] * 2},
            "/moodboards",
            "must have at most 1 item, not 2",
        ),
        ("google/nano-banana", {"prompt": ""}, "/prompt", "must not be empty"),
        (
            "google/nano-banana-2",
            {"prompt": "ab"},
            "/prompt",
            "must have at least 3 characters, not 2",
        ),
        ("luma/uni-1", {"output_format": "gif"}, "/output_format", "must be one of png, jpeg"),
        ("luma/uni-1", {"web_search": 1}, "/web_search", "must be true or false, not a number"),
        (RUNWAY, {"reference_images": []}, "/reference_images", "must not be empty"),
        (
            RUNWAY,
            {"reference_images": [{"url": URL, "tag": "Fox"}]},
            "/reference_images/0/tag",
            "must match the pattern ^[a-z][a-z0-9_]+$",
        ),
        (
            RUNWAY,
            {"reference_images": [{"url": URL, "tag": "fox\n"}]},
            "/reference_images/0/tag",
            "must match the pattern ^[a-z][a-z0-9_]+$",
        ),
    ],
)
def test_an_invalid_field_is_named_with_the_violated_bound(
    model_id: str, changed: dict[str, Any], path: str, message: str
) -> None:
    body = {**(KREA_BODY if model_id == KREA else {"prompt": "a fox"}), **changed}
    if model_id == RUNWAY:
        body.setdefault("reference_images", [{"url": URL, "tag": "fox"}])
    assert faults(model_id, body) == [(path, message)]


def test_every_invalid_field_is_named_and_the_sentence_names_the_first() -> None:
    error = refused(KREA, {"prompt": 1, "resolution": "8K", "seed": "x", "promt": "y"})
    assert [fault.path for fault in error.details] == [
        "/prompt",
        "/aspect_ratio",
        "/resolution",
        "/seed",
        "/promt",
    ]
    assert str(error) == (
        "prompt must be a string, not a number; aspect_ratio is required; "
        "resolution must be one of 1K; and 2 more fields are wrong."
    )


@pytest.mark.parametrize("body", [None, True, 3, "x", [], [{"prompt": "x"}]])
def test_only_an_object_is_accepted(body: object) -> None:
    assert faults(FLUX, body) == [("", "must be an object")]


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "HTTPS://EXAMPLE.com/a?b#c",
        "http://[::1]:80/",
        "data:image/png;base64,AA==",
        None,
    ],
)
def test_media_may_be_a_url_or_a_data_uri(url: str | None) -> None:
    assert validated(FLUX, {"prompt": "x", "image_url": url})["image_url"] == url


def test_an_integer_written_with_a_point_is_an_integer() -> None:
    assert validated(FLUX, {"prompt": "x", "steps": 5.0})["steps"] == 5.0


def test_defaults_are_filled_in_and_nothing_else() -> None:
    assert validated(FLUX, {"prompt": "x", "width": 600}) == {
        "prompt": "x",
        "strength": 1,
        "seed": 1513805061,
        "steps": 25,
        "width": 600,
        "height": 1024,
        "guidance_scale": 3,
    }


def test_defaults_inside_lists_are_filled_in_too() -> None:
    body = {**KREA_BODY, "image_style_references": [{"url": URL}, {"url": URL, "strength": 1}]}
    completed = validated(KREA, body)["image_style_references"]
    assert [item["strength"] for item in completed] == [0.5, 1]
    assert body["image_style_references"][0] == {"url": URL}


def test_unknown_fields_inside_lists_are_kept_as_the_public_api_does() -> None:
    style = {"id": "x", "strength": 1, "name": "y"}
    assert validated(FLUX, {"prompt": "x", "styles": [style]})["styles"] == [style]


def test_old_names_become_new_ones_and_are_reported() -> None:
    model = CATALOGUE.find("image", FLUX)
    body = {"prompt": "x", "presetStyles": [], "imageUrl": URL}
    valid = CATALOGUE.validate(model, body)
    assert valid.deprecated == ("imageUrl", "presetStyles")
    assert valid.input["styles"] == []
    assert valid.input["image_url"] == URL
    assert valid.input.keys().isdisjoint(body.keys() - {"prompt"})
    assert "imageUrl" in body


def test_both_names_of_a_field_are_accepted_when_their_values_agree() -> None:
    model = CATALOGUE.find("image", FLUX)
    valid = CATALOGUE.validate(model, {"prompt": "x", "imageUrl": URL, "image_url": URL})
    assert valid.input["image_url"] == URL
    assert valid.deprecated == ("imageUrl",)


def test_both_names_of_a_field_are_refused_when_their_values_differ() -> None:
    assert faults(FLUX, {"prompt": "x", "imageUrl": URL, "image_url": None}) == [
        ("/imageUrl", "is the old name of image_url and has another value; send only image_url")
    ]


def test_an_alias_of_another_model_is_an_unknown_field() -> None:
    assert faults(FLUX, {"prompt": "x", "aspectRatio": "1:1"}) == [
        ("/aspectRatio", "is not a field of this model")
    ]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": nested(900)},
        {"prompt": "x", "styles": nested(900)},
        {"prompt": "x", "styles": [{"id": "x", "strength": nested(900)}]},
        {"prompt": "x", "imageUrl": nested(900), "image_url": nested(900)},
        {"prompt": "x", "\ud800": 1},
    ],
)
def test_depth_and_broken_text_are_refused(body: dict[str, Any]) -> None:
    refused(FLUX, body)


def test_an_error_repeats_little_of_the_body() -> None:
    began = time.process_time()
    error = refused(FLUX, {"prompt": 1, "styles": ["y" * 1000] * 50_000, "z" * 1_000_000: 1})
    assert time.process_time() - began < 5
    assert len(error.details) == 20
    assert "many more" in str(error)
    error = refused(FLUX, {"prompt": "x" * 1_000_000, "z" * 1_000_000: 1, "width": 10**400})
    assert len(str(error)) < 600
    assert all(len(fault.path) + len(fault.message) < 200 for fault in error.details)


ZOOM = {"type": "simple", "config": {"zoom": 3}}
MOVES = "simple, down_back, forward_up, right_turn_forward, left_turn_forward"


@pytest.mark.parametrize(
    ("camera", "path", "message"),
    [
        (5, "/camera_control", "must be an object"),
        ({}, "/camera_control/type", f"must be one of {MOVES}"),
        ({"type": "spin"}, "/camera_control/type", f"must be one of {MOVES}"),
        ({"type": []}, "/camera_control/type", f"must be one of {MOVES}"),
        (
            {"type": "simple", "config": {"zoom": 11}},
            "/camera_control/config/zoom",
            "must be at most 10, not 11",
        ),
        (
            {"type": "down_back", "config": {"zoom": 1}},
            "/camera_control/config",
            "must be null, not an object",
        ),
    ],
)
def test_an_invalid_form_is_described_by_its_tag(camera: object, path: str, message: str) -> None:
    assert faults(KLING, {"prompt": "x", "camera_control": camera}) == [(path, message)]


@pytest.mark.parametrize(
    "camera", [ZOOM, {"type": "simple"}, {"type": "down_back", "config": None}]
)
def test_each_form_of_a_union_is_accepted(camera: dict[str, Any]) -> None:
    assert validated(KLING, {"prompt": "x", "camera_control": camera})["camera_control"] == camera


def test_numbers_of_a_choice_are_compared_as_numbers() -> None:
    assert validated(KLING, {"prompt": "x", "duration": 10.0})["duration"] == 10
    assert validated(KLING, {"prompt": "x"})["duration"] == 5
    for wrong in (7, "5", None):
        assert faults(KLING, {"prompt": "x", "duration": wrong})[0][0] == "/duration"
    assert faults(KLING, {"prompt": "x", "duration": 7}) == [("/duration", "must be one of 5, 10")]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([URL, "data:,", 10**400, -1e308, 512, 2368, 2369]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = sorted(
    {name for model in CATALOGUE for name in model.parameters}
    | {alias.old for model in CATALOGUE for alias in model.aliases}
)


@given(
    model_id=st.sampled_from([model.id for model in CATALOGUE]),
    body=JSON | st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON, max_size=6),
)
def test_any_json_is_accepted_or_refused_with_messages(model_id: str, body: object) -> None:
    try:
        completed = validated(model_id, body)
    except InvalidRequest:
        named = faults(model_id, body)
        assert named
        assert all(message for _, message in named)
    else:
        assert validated(model_id, completed) == completed


@given(
    prompt=st.text(max_size=1800),
    width=st.integers(512, 2368) | st.floats(512, 2368),
    steps=st.integers(1, 100),
    seed=st.integers(-(2**63), 2**64 - 1),
    strengths=st.lists(st.floats(-2, 2), max_size=5),
)
def test_values_within_the_bounds_are_kept(
    prompt: str, width: float, steps: int, seed: int, strengths: list[float]
) -> None:
    body = {
        "prompt": prompt,
        "width": width,
        "steps": steps,
        "seed": seed,
        "styles": [{"id": "x", "strength": strength} for strength in strengths],
    }
    assert validated(FLUX, body).items() >= body.items()
