"""Our models against the public API's description, bound by bound.

The description is not ours to ship: the environment variable RINGBACK_CONTRACT_DIR names the
folder with ``krea-openapi.json`` and ``catalogue.json``; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ringback.api.openapi.document import describe
from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.example import example_of
from ringback.catalogue.model import Model
from ringback.catalogue.parameter import NUMBER_MAX, NUMBER_MIN
from ringback.catalogue.schemas import compiled
from ringback.errors import InvalidRequest

FOLDER = os.environ.get("RINGBACK_CONTRACT_DIR")
PREFIX = "/generate/"
CATALOGUE = Catalogue.load()
DOCUMENT = describe(CATALOGUE, version="1", public_url=None)

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="RINGBACK_CONTRACT_DIR does not name the public API's description"
)


def contract_file(name: str) -> Any:
    return json.loads((Path(FOLDER) / name).read_text()) if FOLDER else {}


OPERATIONS: dict[str, Any] = {
    path.removeprefix(PREFIX): item["post"]
    for path, item in contract_file("krea-openapi.json").get("paths", {}).items()
    if path.startswith(PREFIX)
}
LATER: dict[str, Any] = {
    endpoint["sdk_path"]: endpoint
    for endpoint in contract_file("catalogue.json")
    .get("supplement_not_in_snapshot", {})
    .get("endpoints", [])
}
_KEYWORDS = {"min": "minimum", "max": "maximum"}
WORDS = {"uri": "https://example.com/a.png", "uuid": "550e8400-e29b-41d4-a716-446655440000"}


def contract_schema(model_id: str) -> dict[str, Any]:
    """The body's schema by the contract, with what its other pages add to the descriptions."""
    if model_id in LATER:
        return later_schema(LATER[model_id])
    schema = deepcopy(body_content(model_id)["schema"])
    if model_id.startswith("image/openai/"):
        # Here the description lets any text pass, and media inputs are URLs, says the contract.
        schema["properties"]["image_urls"]["items"]["format"] = "uri"
    return dict(schema)


def body_content(model_id: str) -> Any:
    return OPERATIONS[model_id]["requestBody"]["content"]["application/json"]


def later_schema(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a later route, with the wider bounds of its guides."""
    properties = {name: standard_schema(flat) for name, flat in endpoint["params"].items()}
    for name, minimum, maximum in (("image_style_references", -2, 2), ("moodboards", -0.5, 1.5)):
        strength = properties[name]["items"]["properties"]["strength"]
        strength |= {"minimum": minimum, "maximum": maximum}
    return {
        "type": "object",
        "properties": properties,
        "required": endpoint["required"],
        "additionalProperties": endpoint["additional_properties"],
    }


def standard_schema(flat: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter of catalogue.json as JSON Schema."""
    schema = {_KEYWORDS.get(name, name): value for name, value in flat.items() if name != "note"}
    if schema.pop("nullable", False):
        schema["type"] = [schema["type"], "null"]
    if not isinstance(schema.get("required"), list):
        schema.pop("required", None)
    if "items" in schema:
        schema["items"] = standard_schema(schema["items"])
    if "properties" in schema:
        schema["properties"] = {
            name: standard_schema(inner) for name, inner in schema["properties"].items()
        }
    return schema


def candidates(schema: dict[str, Any], good: Any) -> Iterator[Any]:
    """Yield values at, just within and just past each bound of the schema, and of other types."""
    yield from (None, True, 1, 1.5, -7, 1_000_000, "x", "no such", [], {}, good)
    yield from alternatives(schema)
    for limit in bounds(schema, "minimum", "maximum"):
        yield from (limit, limit - 1, limit + 1, limit - 0.25, limit + 0.25, float(limit))
    is_media = schema.get("format") == "uri"
    if is_media:
        # What its characters and its length say is the intake's to judge.
        yield from ("https://example.com/a.png", "http://a?b", "data:,x", "//a/b")
    for limit in () if is_media else bounds(schema, "minLength", "maxLength"):
        for length in around(limit):
            yield "a" * length
    for limit in bounds(schema, "minItems", "maxItems"):
        for count in around(limit):
            yield (good * count)[:count]
    if isinstance(good, list) and good:
        for item in candidates(schema["items"], good[0]):
            yield from ([item], [good[0], item])
    if isinstance(good, dict) and "properties" in schema:
        yield from changed_objects(schema, good)


def alternatives(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield values for and beside each choice and each form of the schema."""
    for choice in choices(schema):
        yield from (choice, str(choice), [choice])
        yield from (choice + 1, float(choice)) if isinstance(choice, int) else ()
    for form in forms(schema):
        yield from candidates(form, value_for(form))


def choices(schema: dict[str, Any]) -> list[Any]:
    """Return the values that alone are taken, however the schema writes them."""
    if "const" in schema:
        return [schema["const"]]
    if "anyOf" in schema:
        return [value for form in schema["anyOf"] for value in choices(form)]
    return list(schema.get("enum", ()))


def forms(schema: dict[str, Any]) -> list[Any]:
    return list(schema.get("oneOf", ()))


def bounds(schema: dict[str, Any], *names: str) -> list[Any]:
    return [schema[name] for name in names if name in schema]


def around(limit: int) -> range:
    return range(max(limit - 1, 0), limit + 2)


def changed_objects(schema: dict[str, Any], good: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the object with one field missing, unknown, or at one of its bounds."""
    yield good | {"no_such_field": 1}
    for name, inner in schema["properties"].items():
        yield {key: value for key, value in good.items() if key != name}
        for value in candidates(inner, good.get(name, value_for(inner))):
            yield good | {name: value}


def value_for(schema: dict[str, Any]) -> Any:
    """Return a value that the schema takes."""
    if alone := choices(schema):
        return alone[0]
    if forms(schema):
        return value_for(forms(schema)[0])
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    match kind:
        case "string":
            words = {
                "uri": "https://example.com/a.png",
                "uuid": "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
            }
            return words.get(schema.get("format", ""), "fox")
        case "null":
            return None
        case "number" | "integer":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "array":
            return [value_for(schema["items"])]
        case _:
            return {name: value_for(inner) for name, inner in schema["properties"].items()}


def is_taken(model_id: str, body: dict[str, Any]) -> bool:
    try:
        CATALOGUE.validate(model_of(model_id), body)
    except InvalidRequest:
        return False
    return True


def model_of(model_id: str) -> Model:
    kind, _, name = model_id.partition("/")
    return CATALOGUE.find(kind, name)


MODEL_IDS = [*OPERATIONS, *LATER] or ["skipped"]


def test_every_route_is_a_model_of_ours() -> None:
    # That description is older than the models of sound.
    ours = {f"{model.kind}/{model.id}" for model in CATALOGUE if model.kind != "audio"}
    assert len(OPERATIONS) == 56
    assert len(LATER) == 3
    assert ours - {"image/ringback/null"} == {*OPERATIONS, *LATER}


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_our_schema_of_a_body_is_the_contracts(model_id: str) -> None:
    assert plain(model_of(model_id).schema) == plain(contract_schema(model_id))


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema in one spelling, without keywords that have no effect."""
    plain_schema = {
        name: value
        for name, value in schema.items()
        if name not in ("description", "anyOf", "const", "enum", "oneOf", "pattern")
    }
    if alone := choices(schema):
        plain_schema |= {"enum": alone, "type": "number" if "anyOf" in schema else schema["type"]}
    if "oneOf" in schema:
        plain_schema["oneOf"] = [plain(form) for form in forms(schema)]
    if schema.get("format") != "uri" and "pattern" in schema:
        plain_schema["pattern"] = schema["pattern"]
    if "items" in schema:
        plain_schema["items"] = plain(schema["items"])
    if "properties" in schema:
        plain_schema["properties"] = {
            name: plain(one) for name, one in schema["properties"].items()
        }
        plain_schema["required"] = sorted(schema.get("required", ()))
    # A number that says no bound has the widest, and null has one value.
    without = {"minimum": NUMBER_MIN, "maximum": NUMBER_MAX, "default": None}
    return {
        name: value
        for name, value in plain_schema.items()
        if name not in without or value != without[name]
    }


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_we_accept_and_refuse_the_same_bodies_as_the_contract(model_id: str) -> None:
    schema = contract_schema(model_id)
    validator = compiled(schema)
    good = {name: value_for(inner) for name, inner in schema["properties"].items()}
    assert validator.is_valid(good)
    bodies = [*changed_objects(schema, good), *changed_objects(schema, required_only(model_id))]
    verdicts = {True: 0, False: 0}
    for body in bodies:
        expected = validator.is_valid(body)
        verdicts[expected] += 1
        assert is_taken(model_id, body) is expected, str(body)[:300]
    assert all(count > 5 for count in verdicts.values())


def required_only(model_id: str) -> dict[str, Any]:
    return example_of(model_of(model_id))


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_the_same_fields_are_known_required_and_filled_in(model_id: str) -> None:
    schema = contract_schema(model_id)
    model = model_of(model_id)
    assert list(model.parameters) == list(schema["properties"])
    required = {name for name, parameter in model.parameters.items() if parameter.required}
    assert required == set(schema["required"])
    defaults = {
        name: inner["default"] for name, inner in schema["properties"].items() if "default" in inner
    }
    body = required_only(model_id)
    assert CATALOGUE.validate(model, body).input == defaults | body


@pytest.mark.parametrize("model_id", list(LATER) or ["skipped"])
def test_defaults_inside_lists_are_the_contracts(model_id: str) -> None:
    schema = contract_schema(model_id)["properties"]
    model = model_of(model_id)
    for name in ("image_style_references", "moodboards"):
        inner = schema[name]["items"]["properties"]
        item = {key: value_for(inner[key]) for key in schema[name]["items"]["required"]}
        completed = CATALOGUE.validate(model, required_only(model_id) | {name: [item]}).input
        assert completed[name] == [{**item, "strength": inner["strength"]["default"]}]


@pytest.mark.parametrize("model_id", list(OPERATIONS) or ["skipped"])
def test_the_contracts_own_example_is_taken(model_id: str) -> None:
    body = body_content(model_id)["example"]
    # The snapshot's example for Runway lacks a field that its schema requires.
    assert is_taken(model_id, body) is compiled(body_content(model_id)["schema"]).is_valid(body)


@pytest.mark.parametrize("model_id", list(OPERATIONS) or ["skipped"])
def test_the_old_names_are_the_contracts_and_work(model_id: str) -> None:
    listed = OPERATIONS[model_id].get("x-krea-deprecated-field-aliases", [])
    contract = [(entry["from"], entry["to"], entry["sunset_date"]) for entry in listed]
    model = model_of(model_id)
    assert [(alias.old, alias.new, alias.sunset) for alias in model.aliases] == contract
    properties = contract_schema(model_id)["properties"]
    for old, new, _ in contract:
        value = value_for(properties[new])
        body = {key: kept for key, kept in required_only(model_id).items() if key != new}
        valid = CATALOGUE.validate(model, {**body, old: value})
        assert valid.input[new] == value
        assert old not in valid.input
        assert valid.deprecated == (old,)


@pytest.mark.parametrize("model_id", list(OPERATIONS) or ["skipped"])
def test_programs_read_the_same_table_and_old_names_from_our_description(model_id: str) -> None:
    ours = DOCUMENT["paths"][PREFIX + model_id]["post"]["description"]
    assert readable(ours) == readable(OPERATIONS[model_id]["description"])


def readable(description: str) -> list[str]:
    """Return the lines that programs read: the table and the list of old names."""
    return [
        line for line in description.splitlines() if line.startswith(("|", "> **", "> -", ">\n"))
    ]


def test_no_route_has_a_body_of_several_shapes() -> None:
    endpoints = contract_file("catalogue.json")["endpoints"]
    assert not [entry["id"] for entry in endpoints if entry["union"]]


def test_the_old_names_are_the_26_that_the_contract_counts() -> None:
    pairs = {(alias.old, alias.new) for model in CATALOGUE for alias in model.aliases}
    assert pairs == {tuple(pair) for pair in contract_file("catalogue.json")["alias_table"]}
    assert len(pairs) == 26


@pytest.mark.parametrize("model_id", list(OPERATIONS) or ["skipped"])
def test_cost_and_usual_time_are_the_contracts(model_id: str) -> None:
    listed = {entry["sdk_path"]: entry for entry in contract_file("catalogue.json")["endpoints"]}
    model, entry = model_of(model_id), listed[model_id]
    assert model.compute_units == entry["compute_units"]
    assert model.usual_s == entry["avg_completion_seconds"]
    assert len(model.costs or [None]) == max(1, len(entry["compute_table"]))
