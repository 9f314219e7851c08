"""Reads schemas of the public API's descriptions, and makes bodies at their bounds from them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ringback.catalogue.parameter import NUMBER_MAX, NUMBER_MIN

FOLDER = os.environ.get("RINGBACK_CONTRACT_DIR")
"""The folder of the descriptions, which are not ours to ship."""
PREFIX = "/generate/"


def contract_file(name: str) -> Any:
    """Return a file of the folder, or an empty object where none is named."""
    return json.loads((Path(FOLDER) / name).read_text("utf-8")) if FOLDER else {}


def in_one_spelling(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with each ``anyOf`` as choices, as a nullable type, or as ``oneOf``."""
    spelled = {name: value for name, value in schema.items() if name != "anyOf"}
    if "items" in spelled:
        spelled["items"] = in_one_spelling(spelled["items"])
    if "properties" in spelled:
        spelled["properties"] = {
            name: in_one_spelling(inner) for name, inner in spelled["properties"].items()
        }
    if "anyOf" not in schema:
        return spelled
    if all(numbers := [_constants(form) for form in schema["anyOf"]]):
        return spelled | {"type": "number", "enum": [one for each in numbers for one in each]}
    described = [in_one_spelling(form) for form in schema["anyOf"] if form != {"type": "null"}]
    if len(described) > 1:
        return spelled | {"oneOf": described}
    only = described[0] | spelled
    if "enum" in only:
        only["enum"] = [*only["enum"], None]
    return only | {"type": [only["type"], "null"]}


def _constants(schema: dict[str, Any]) -> list[Any]:
    if "anyOf" in schema:
        return [value for form in schema["anyOf"] for value in _constants(form)]
    return [schema["const"]] if "const" in schema and schema["type"] == "number" else []


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
            return [value_for(schema["items"])] * max(1, schema.get("minItems", 1))
        case _:
            return {name: value_for(inner) for name, inner in schema["properties"].items()}


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
