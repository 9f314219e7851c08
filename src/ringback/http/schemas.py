"""JSON Schemas of msgspec structs, for the API's description and for checks of bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{name}"


def schemas_of(kinds: Iterable[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """Return the schema of each type, and the named schemas that they refer to."""
    unique = tuple(dict.fromkeys(kinds))
    schemas, components = msgspec.json.schema_components(unique, ref_template=REFERENCE)
    return (
        {kind: _tidy(schema) for kind, schema in zip(unique, schemas, strict=True)},
        {_named(name): _tidy(schema) for name, schema in sorted(components.items())},
    )


def inlined_schema_of(kind: Any) -> Schema:
    """Return the schema of a type without references: each is replaced by its schema."""
    schemas, components = schemas_of([kind])
    inlined: Schema = _inline(schemas[kind], components)
    return inlined


def _named(name: str) -> str:
    """Return the public name of a struct: ``JobDocument`` is the schema ``Job``."""
    return name.removesuffix("Document")


def _inline(part: Any, components: Mapping[str, Schema]) -> Any:
    if isinstance(part, list):
        return [_inline(one, components) for one in part]
    if not isinstance(part, dict):
        return part
    if isinstance(name := part.get("$ref"), str):
        part = {**components[name.rpartition("/")[2]], **part}
        del part["$ref"]
    return {key: _inline(value, components) for key, value in part.items()}


def _tidy(part: Any) -> Any:
    """Remove the titles, which repeat the names, and write nullable types as lists of types."""
    if isinstance(part, list):
        return [_tidy(one) for one in part]
    if not isinstance(part, dict):
        return part
    tidy: Schema = {}
    for key, value in part.items():
        match key:
            case "properties":
                if value:
                    tidy[key] = {name: _tidy(one) for name, one in value.items()}
            case "default" | "examples" | "enum":
                tidy[key] = value
            case "$ref":
                tidy[key] = _named(value)
            case _ if key != "title" and value != []:
                tidy[key] = _tidy(value)
    if "enum" in tidy and all(isinstance(one, str) for one in tidy["enum"]):
        tidy["type"] = "string"
    return _with_null(tidy)


def _with_null(schema: Schema) -> Schema:
    forms: list[Schema] = schema.get("anyOf", [])
    if len(forms) != 2 or "type" not in forms[0] or forms[1] != {"type": "null"}:
        return schema
    nullable = {**forms[0], **schema, "type": [forms[0]["type"], "null"]}
    del nullable["anyOf"]
    if "enum" in nullable:
        nullable["enum"] = [*nullable["enum"], None]
    return nullable
