"""Our models of the newest day against that day's routes of the public API, bound by bound.

The description is not ours to ship: the environment variable RINGBACK_CONTRACT_DIR names the
folder with ``krea-routes-2026-10-09.json``; without it these tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.example import example_of
from ringback.catalogue.model import Model
from ringback.catalogue.schemas import compiled
from ringback.errors import InvalidRequest, ModelUnavailable
from tests.catalogue.contract_schemas import (
    FOLDER,
    PREFIX,
    changed_objects,
    contract_file,
    in_one_spelling,
    plain,
    value_for,
)

CATALOGUE = Catalogue.load()
COUNTS = {"image": 34, "video": 41, "enhance": 18, "3d": 10, "audio": 5}
ENHANCED_CLIPS = {
    "enhance/black-forest-labs/flux-video-upscale",
    "enhance/bytedance/seedvr-2",
    "enhance/runway/ruby",
    "enhance/topaz/astra",
    "enhance/topaz/astra-2",
    "enhance/topaz/hyperion",
    "enhance/topaz/starlight-precise",
    "enhance/topaz/starlight-precise-25",
    "enhance/topaz/video-upscale",
}
GONE = (
    "image/google/imagen-3",
    "image/google/imagen-4",
    "image/google/imagen-4-fast",
    "image/google/imagen-4-ultra",
    "video/kling/kling-1",
    "video/kling/kling-1.5",
    "video/kling/kling-1.6",
    "video/kling/kling-2",
    "video/kling/kling-2.1",
    "video/runway/aleph",
    "video/runway/gen-3",
)
HINTS = ("x-krea-enum-labels", "x-krea-visible-when", "x-krea-dependent-enum")

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="RINGBACK_CONTRACT_DIR does not name the public API's description"
)

DESCRIBED: dict[str, dict[str, Any]] = {
    path.removeprefix(PREFIX): in_one_spelling(route["body"])
    for path, route in contract_file("krea-routes-2026-10-09.json").get("routes", {}).items()
}
OURS = {f"{model.kind}/{model.id}": model for model in CATALOGUE if model.provider != "ringback"}
MODEL_IDS = [name for name in DESCRIBED if name in OURS] or ["skipped"]


def takes(model: Model, body: dict[str, Any]) -> bool:
    try:
        CATALOGUE.validate(model, body)
    except InvalidRequest:
        return False
    return True


def full(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value_for(inner) for name, inner in schema["properties"].items()}


def companion(schema: dict[str, Any], choice: Any) -> dict[str, Any]:
    """Return the value of the other field with which a choice that depends on it goes."""
    rule = schema.get("x-krea-dependent-enum", {"optionsByValue": {}})
    for value, options in rule["optionsByValue"].items():
        if choice in [one["value"] for one in options]:
            return {rule["field"]: value}
    return {}


def is_ruled_out(model: Model, schema: dict[str, Any], body: dict[str, Any]) -> bool:
    """Return whether another field rules a choice out, which no JSON Schema says."""
    for name, inner in schema["properties"].items():
        is_checked = model.parameters[name].enum_by is not None
        if is_checked and companion(inner, body.get(name)):
            rule = inner["x-krea-dependent-enum"]
            default = schema["properties"][rule["field"]].get("default")
            options = rule["optionsByValue"].get(body.get(rule["field"], default), ())
            return body[name] not in [one["value"] for one in options]
    return False


def first_passed(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the values of a field that pass one of its bounds by one."""
    yield from passed_lengths(schema)
    yield from passed_counts(schema)
    for keyword, step in (("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0)):
        if keyword in schema:
            yield schema[keyword] + step
    if "enum" in schema:
        yield "no such choice"
    if "properties" in schema:
        yield from passed_members(schema)


def passed_lengths(schema: dict[str, Any]) -> Iterator[str]:
    start = "https://example.com/" if schema.get("format") == "uri" else ""
    if "maxLength" in schema:
        yield start.ljust(schema["maxLength"] + 1, "a")
    if schema.get("minLength", 0) > 0:
        yield "a" * (schema["minLength"] - 1)


def passed_counts(schema: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield lists with one item too many or too few, and with an item out of its bounds."""
    if "items" not in schema:
        return
    good, least = value_for(schema["items"]), schema.get("minItems", 0)
    if "maxItems" in schema:
        yield [good] * (schema["maxItems"] + 1)
    if least > 0:
        yield [good] * (least - 1)
    for value in first_passed(schema["items"]):
        yield [value] * max(1, least)


def passed_members(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, inner in schema["properties"].items():
        for value in first_passed(inner):
            yield full(schema) | {name: value}
    for name in schema.get("required", ()):
        yield {key: value for key, value in full(schema).items() if key != name}


def test_every_route_is_a_model_of_ours_and_every_model_is_a_route() -> None:
    counted = {kind: sum(name.startswith(f"{kind}/") for name in DESCRIBED) for kind in COUNTS}
    assert counted == COUNTS
    assert OURS.keys() <= DESCRIBED.keys()
    missing = {name for name in DESCRIBED.keys() - OURS.keys() if not name.startswith("audio/")}
    assert missing <= ENHANCED_CLIPS


@pytest.mark.parametrize("model_id", GONE)
def test_a_route_that_is_gone_says_since_when(model_id: str) -> None:
    kind, _, name = model_id.partition("/")
    with pytest.raises(ModelUnavailable) as caught:
        CATALOGUE.find(kind, name)
    assert caught.value.sunset_date == "2026-10-09"


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_a_route_takes_its_smallest_and_its_full_body_and_every_choice(model_id: str) -> None:
    schema, model = DESCRIBED[model_id], OURS[model_id]
    least = {name: value_for(schema["properties"][name]) for name in schema.get("required", ())}
    assert takes(model, least)
    assert takes(model, full(schema))
    assert compiled(schema).is_valid(example_of(model))
    for name, inner in schema["properties"].items():
        for choice in inner.get("enum", ()):
            body = full(schema) | {name: choice} | companion(inner, choice)
            assert takes(model, body), (name, choice)


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_a_route_refuses_an_unknown_field_and_a_bound_passed_by_one(model_id: str) -> None:
    schema, model = DESCRIBED[model_id], OURS[model_id]
    assert not takes(model, full(schema) | {"no_such_field": 1})
    for body in passed_members(schema):
        assert not takes(model, body), str(body)[:300]


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_a_route_accepts_and_refuses_the_same_bodies_as_the_description(model_id: str) -> None:
    schema, model = DESCRIBED[model_id], OURS[model_id]
    validator = compiled(schema)
    for start in (full(schema), example_of(model)):
        for body in changed_objects(schema, start):
            is_valid = validator.is_valid(body) and not is_ruled_out(model, schema, body)
            assert takes(model, body) is is_valid, str(body)[:300]


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_our_schema_of_a_body_is_the_description_s(model_id: str) -> None:
    ours, described = plain(OURS[model_id].schema), plain(DESCRIBED[model_id])
    assert without_hints(ours) == without_hints(described)


def without_hints(schema: Any) -> Any:
    """Return a schema without the keywords that only forms read."""
    if isinstance(schema, dict):
        return {name: without_hints(one) for name, one in schema.items() if name not in HINTS}
    return schema


@pytest.mark.parametrize("length", [1024, 1025])
def test_a_url_has_its_length_and_inline_data_has_none(length: int) -> None:
    model = OURS["image/bfl/flux-1-dev"]
    url = "https://example.com/".ljust(length, "a")
    assert takes(model, {"prompt": "a fox", "image_url": url}) is (length == 1024)
    assert takes(
        model, {"prompt": "a fox", "image_url": "data:image/png;base64,".ljust(9_999, "A")}
    )
