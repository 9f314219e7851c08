"""Reads JSON Schemas of another's description into parameters. Pure; the description is hostile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

from ringback.catalogue.parameter import (
    MEDIA_PATTERN,
    NUMBER_MAX,
    NUMBER_MIN,
    Choice,
    Condition,
    DependentChoices,
    Parameter,
)

_DEPTH_MAX = 20
_READ_MAX = 200_000  # schemas in all: shared ones can multiply without end
_NULL = {"type": "null"}
_NUMBERS = ("number", "integer")
_PLAIN = ("string", "number", "integer", "boolean", "null")


class UnreadableSchema(ValueError):
    """The schema has a shape that no parameter can have; the sentence says which."""


class SchemaReader:
    """Reads schemas, with the shared ones of their document."""

    def __init__(self, shared: Mapping[str, Any]) -> None:
        self._shared = shared
        self._left = _READ_MAX

    def fields(self, schema: Any, depth: int = 0) -> dict[str, Parameter]:
        """Return the fields of an object, or raise ``UnreadableSchema``."""
        found = self._resolved(schema, depth)
        properties, required = found.get("properties", {}), found.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            raise UnreadableSchema("its properties are not those of an object")
        return {
            str(name): self._named(name, inner, depth, is_required=name in required)
            for name, inner in properties.items()
        }

    def _named(self, name: Any, schema: Any, depth: int, *, is_required: bool) -> Parameter:
        try:
            return self.parameter(schema, depth + 1, is_required=is_required)
        except UnreadableSchema as exc:
            raise UnreadableSchema(f"{name}: {exc}") from exc

    def parameter(self, schema: Any, depth: int = 0, *, is_required: bool = False) -> Parameter:
        """Return the schema as a parameter, or raise ``UnreadableSchema``."""
        found = self._resolved(schema, depth)
        forms = [self._resolved(one, depth) for one in _forms(found)]
        is_nullable = _NULL in forms
        forms = [one for one in forms if one != _NULL]
        outer = {name: value for name, value in found.items() if name not in ("anyOf", "oneOf")}
        if choices := self._constants(forms, depth):
            outer = {"type": _type_of_choices({"enum": choices}), "enum": choices} | outer
            forms = []
        elif len(forms) == 1:
            return self.parameter(
                _nullable(forms[0] | outer) if is_nullable else forms[0] | outer,
                depth + 1,
                is_required=is_required,
            )
        if not forms:
            return self._typed(_nullable(outer) if is_nullable else outer, depth, is_required)
        return Parameter(
            type="union",
            one_of=tuple(self.parameter(one, depth + 1) for one in forms),
            nullable=is_nullable,
            required=is_required,
            **_shared_facts(outer),
        )

    def _constants(self, forms: list[dict[str, Any]], depth: int) -> list[Any]:
        """Return the values of forms that are constants of one type, or nothing."""
        found: list[Any] = []
        for form in forms:
            inner = [self._resolved(one, depth) for one in _forms(form)]
            values = self._constants(inner, depth + 1) if inner else _choices(form)
            if not values:
                return []
            found += values
        return found if len({type(one) for one in found}) == 1 else []

    def _typed(self, schema: dict[str, Any], depth: int, is_required: bool) -> Parameter:
        types = schema.get("type", _type_of_choices(schema))
        listed = types if isinstance(types, list) else [types]
        named = [one for one in listed if one != "null"] or listed
        if len(named) > 1:
            forms = [{**schema, "type": one} for one in named]
            null = [_NULL] if "null" in listed else []
            return self.parameter({"anyOf": [*forms, *null]}, depth + 1, is_required=is_required)
        name = named[0]
        facts = {
            "required": is_required,
            "nullable": "null" in listed and name != "null",
            **_shared_facts(schema),
        }
        if name == "array":
            items = self.parameter(schema.get("items"), depth + 1)
            return Parameter(
                type="array", items=items, **facts, **_bounds(schema, "Items", "items")
            )
        if name == "object":
            return Parameter(type="object", properties=self.fields(schema, depth), **facts)
        if name not in _PLAIN:
            raise UnreadableSchema(f"its type is {str(name)[:40]!r}")
        return _plain(name, schema, facts)

    def _resolved(self, schema: Any, depth: int) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0:
            raise UnreadableSchema("the description is too large")
        if depth > _DEPTH_MAX:
            raise UnreadableSchema("it is nested too deeply")
        if not isinstance(schema, Mapping):
            raise UnreadableSchema("it has no schema")
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix("#/components/schemas/")
            return self._resolved(self._shared.get(name), depth + 1)
        if "allOf" in schema:
            raise UnreadableSchema("it is put together by allOf")
        return dict(schema)


def _forms(schema: Mapping[str, Any]) -> list[Any]:
    forms = schema.get("anyOf", schema.get("oneOf", []))
    return forms if isinstance(forms, list) else []


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    types = schema.get("type", _type_of_choices(schema))
    return {**schema, "type": [*(types if isinstance(types, list) else [types]), "null"]}


def _choices(schema: Mapping[str, Any]) -> list[Any]:
    """Return the choices that are no null, however the schema writes them."""
    found = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return [one for one in found if one is not None] if isinstance(found, list) else []


def _type_of_choices(schema: Mapping[str, Any]) -> str | None:
    choices = _choices(schema)
    if choices and all(isinstance(one, str) for one in choices):
        return "string"
    return "number" if choices else None


def _plain(name: Any, schema: Mapping[str, Any], facts: dict[str, Any]) -> Parameter:
    choices = _choices(schema) if name != "boolean" else []
    if not all(isinstance(one, str | int | float) for one in choices):
        raise UnreadableSchema("its choices are neither texts nor numbers")
    if choices:
        facts |= {"enum": tuple(choices), **_hints_of_choices(schema)}
    if name == "string":
        return _text(schema, facts)
    if name in _NUMBERS and not choices:
        facts |= {
            field: value
            for field, keyword in _NUMBER_BOUNDS
            if _is_bound(value := schema.get(keyword))
        }
    return Parameter(type=name, **facts)


_NUMBER_BOUNDS = (("min", "minimum"), ("max", "maximum"), ("exclusive_min", "exclusiveMinimum"))


def _is_bound(value: Any) -> bool:
    """Return whether a bound is the model's; the widest ones are those of every number here."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and value not in (NUMBER_MIN, NUMBER_MAX)


def _text(schema: Mapping[str, Any], facts: dict[str, Any]) -> Parameter:
    bounds = _bounds(schema, "Length", "length")
    pattern, text_format = schema.get("pattern"), schema.get("format")
    if text_format == "uri" or pattern == MEDIA_PATTERN:
        bounds.pop("min_length", None)
        return Parameter(type="media", **facts, **bounds)
    if isinstance(pattern, str):
        bounds["pattern"] = pattern
    if text_format == "uuid":
        bounds["format"] = "uuid"
    return Parameter(type="string", **facts, **bounds)


def _bounds(schema: Mapping[str, Any], keyword: str, name: str) -> dict[str, Any]:
    found = {f"{side}_{name}": schema.get(f"{side}{keyword}") for side in ("min", "max")}
    return {field: value for field, value in found.items() if isinstance(value, int) and value >= 0}


def _shared_facts(schema: Mapping[str, Any]) -> dict[str, Any]:
    default, about = schema.get("default"), schema.get("description")
    return {
        "default": UNSET if default is None else default,
        "description": about if isinstance(about, str) else None,
        "visible_when": tuple(_conditions(schema.get("x-krea-visible-when"))),
    }


def _hints_of_choices(schema: Mapping[str, Any]) -> dict[str, Any]:
    labels = schema.get("x-krea-enum-labels")
    is_labelled = isinstance(labels, list) and all(isinstance(one, str) for one in labels)
    return {
        "labels": tuple(labels) if is_labelled and labels else None,
        "enum_by": _dependent(schema.get("x-krea-dependent-enum")),
    }


def _conditions(listed: Any) -> Iterator[Condition]:
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("field"), str):
            equals = one.get("equals")
            if isinstance(equals, str | int | float):
                yield Condition(field=one["field"], equals=equals)


def _dependent(rule: Any) -> DependentChoices | None:
    options = rule.get("optionsByValue") if isinstance(rule, Mapping) else None
    if not isinstance(options, Mapping) or not isinstance(rule.get("field"), str):
        return None
    return DependentChoices(
        field=rule["field"],
        choices={
            str(value): tuple(
                Choice(value=str(one.get("value")), label=str(one.get("label", "")))
                for one in choices
                if isinstance(one, Mapping)
            )
            for value, choices in options.items()
            if isinstance(choices, list)
        },
    )
