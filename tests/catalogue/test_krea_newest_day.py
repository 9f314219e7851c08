"""Our models of the kinds that only the public API's newest day has, against that day's routes.

The description is not ours to ship: the environment variable RINGBACK_CONTRACT_DIR names the
folder with ``krea-routes-2026-10-09.json``; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.errors import InvalidRequest

FOLDER = os.environ.get("RINGBACK_CONTRACT_DIR")
KINDS = ("3d",)
PREFIX = "/generate/"
CATALOGUE = Catalogue.load()

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="RINGBACK_CONTRACT_DIR does not name the public API's description"
)


def _bodies() -> dict[str, dict[str, Any]]:
    if FOLDER is None:
        return {}
    text = (Path(FOLDER) / "krea-routes-2026-10-09.json").read_text("utf-8")
    routes = json.loads(text)["routes"]
    named = {path.removeprefix(PREFIX): route["body"] for path, route in routes.items()}
    return {name: body for name, body in named.items() if name.partition("/")[0] in KINDS}


BODIES = _bodies()
MODEL_IDS = [*BODIES] or ["skipped"]


def passes(model_id: str, body: dict[str, Any]) -> bool:
    kind, _, name = model_id.partition("/")
    try:
        CATALOGUE.validate(CATALOGUE.find(kind, name), body)
    except InvalidRequest:
        return False
    return True


def smallest(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema["properties"]
    return {name: a_value(properties[name]) for name in schema.get("required", [])}


def a_value(schema: dict[str, Any]) -> Any:
    """A value that the described schema takes."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "boolean":
            return True
        case "number" | "integer":
            return schema.get("minimum", 1)
        case "array":
            return [a_value(schema["items"])] * max(1, schema.get("minItems", 1))
        case _:
            return "https://example.com/a.png" if schema.get("format") == "uri" else "a fox"


def bounds(schema: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each bound's field, its last good value, and the first bad one.

    The length of a URL is none: ours takes 8 KiB of every input, as presigned URLs need.
    """
    for name, field in schema["properties"].items():
        if "minimum" in field:
            yield name, field["minimum"], field["minimum"] - 1
        if "maximum" in field:
            yield name, field["maximum"], field["maximum"] + 1
        if "maxItems" in field:
            one = a_value(field["items"])
            yield name, [one] * field["maxItems"], [one] * (field["maxItems"] + 1)


def test_every_route_is_a_model_of_ours_and_no_other_is() -> None:
    assert {f"{one.kind}/{one.id}" for one in CATALOGUE if one.kind in KINDS} == BODIES.keys()
    assert sum(name.startswith("3d/") for name in BODIES) == 10


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_a_route_takes_its_smallest_and_its_full_body_and_every_choice(model_id: str) -> None:
    schema = BODIES[model_id]
    least = smallest(schema)
    full = {name: a_value(field) for name, field in schema["properties"].items()}
    assert passes(model_id, least)
    assert passes(model_id, full)
    for name, field in schema["properties"].items():
        for choice in field.get("enum", []):
            assert passes(model_id, {**full, name: choice}), (name, choice)


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_a_route_refuses_an_unknown_field_and_a_bound_passed_by_one(model_id: str) -> None:
    schema = BODIES[model_id]
    least = smallest(schema)
    assert not passes(model_id, {**least, "no_such_field": 1})
    for name, last_good, first_bad in bounds(schema):
        assert passes(model_id, {**least, name: last_good}), (name, last_good)
        assert not passes(model_id, {**least, name: first_bad}), (name, first_bad)
    for name, field in schema["properties"].items():
        if "enum" in field:
            assert not passes(model_id, {**least, name: "no such choice"}), name
