"""Our models against the public API's description, bound by bound.

The description is not ours to ship: the environment variable RINGBACK_CONTRACT_DIR names the
folder with ``krea-openapi.json`` and ``catalogue.json``; without it these tests are skipped.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from ringback.api.openapi.document import describe
from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.example import example_of
from ringback.catalogue.model import Model
from ringback.catalogue.schemas import compiled
from ringback.errors import InvalidRequest
from tests.catalogue.contract_schemas import (
    FOLDER,
    PREFIX,
    changed_objects,
    contract_file,
    plain,
    value_for,
)

CATALOGUE = Catalogue.of_day(date(2026, 5, 27))
DOCUMENT = describe(CATALOGUE, version="1", public_url=None)

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="RINGBACK_CONTRACT_DIR does not name the public API's description"
)


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
    # Later kinds are those of a newer day: test_krea_newest_day.py.
    kinds = {"image", "video", "enhance"}
    ours = {f"{model.kind}/{model.id}" for model in CATALOGUE if model.kind in kinds}
    assert len(OPERATIONS) == 56
    assert len(LATER) == 3
    assert ours - {"image/ringback/null"} == {*OPERATIONS, *LATER}


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_our_schema_of_a_body_is_the_contracts(model_id: str) -> None:
    assert plain(model_of(model_id).schema) == plain(contract_schema(model_id))


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
