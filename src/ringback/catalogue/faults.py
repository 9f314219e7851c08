"""Says in words what is wrong with a body, field by field.

The compiled schemas judge; this finds the words. It walks only into what a schema has refused and
yields one fault at a time, so that a body with a million wrong fields costs no more than asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ringback.catalogue.parameter import Parameter
from ringback.catalogue.schemas import compiled
from ringback.errors import FieldError

_ECHO_MAX = 80  # characters of the caller's that an answer repeats
_NAMES = {
    "string": "a string",
    "media": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}


class Faults:
    """Finds what is wrong with bodies that these parameters' schema refuses."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._rules = {name: _Rule(parameter) for name, parameter in parameters.items()}

    def of(self, body: Mapping[str, Any], spelled: Mapping[str, str]) -> Iterator[FieldError]:
        """Yield each wrong field; ``spelled`` has the old names that the caller used instead."""
        for name, rule in self._rules.items():
            if name in body:
                yield from rule.faults(body[name], _pointer("", spelled.get(name, name)))
            elif rule.parameter.required:
                yield FieldError(_pointer("", name), "is required")
        for name in body:
            if name not in self._rules:
                yield FieldError(_pointer("", name), self._unknown(name))

    def _unknown(self, name: str) -> str:
        # A close match is looked for in time that grows with the length.
        near = get_close_matches(name, self._rules, n=1) if len(name) <= _ECHO_MAX else []
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"is not a field of this model{hint}"


class _Rule:
    """One parameter with its schema compiled, and so what it holds."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self._is_valid = compiled(parameter.schema).is_valid
        self._items = _Rule(parameter.items) if isinstance(parameter.items, Parameter) else None
        self._properties = {
            name: _Rule(inner) for name, inner in (parameter.properties or {}).items()
        }
        self._forms = [_Rule(form) for form in parameter.forms]

    def faults(self, value: Any, path: str) -> Iterator[FieldError]:
        """Yield what is wrong with the value: itself, or what it holds."""
        if self._is_valid(value):
            return
        parameter = self.parameter
        if self._forms:
            yield from self._form_faults(value, path)
        elif not _has_type(parameter.type, value):
            yield FieldError(path, _wrong_type(parameter, value))
        elif parameter.enum is not None:
            yield FieldError(path, _wrong_choice(parameter.enum))
        elif isinstance(value, list):
            yield from self._list_faults(value, path)
        elif isinstance(value, dict):
            yield from self._object_faults(value, path)
        elif isinstance(value, str):
            yield FieldError(path, _wrong_text(parameter, value))
        else:
            yield FieldError(path, _wrong_number(parameter.schema, value))

    def _form_faults(self, value: Any, path: str) -> Iterator[FieldError]:
        """Yield what keeps a union from the form that its tag names, or that no form fits."""
        tags = _tags([form.parameter for form in self._forms])
        if not tags or not isinstance(value, dict):
            wrong = "must be an object" if tags else "has none of the forms that it may have"
            yield FieldError(path, wrong)
            return
        name, choices = tags
        for form, choice in zip(self._forms, choices, strict=True):
            if value.get(name) == choice:
                yield from form.faults(value, path)
                return
        yield FieldError(_pointer(path, name), _wrong_choice(choices))

    def _list_faults(self, value: list[Any], path: str) -> Iterator[FieldError]:
        parameter = self.parameter
        if wrong := _wrong_count(len(value), parameter.min_items, parameter.max_items, "item"):
            yield FieldError(path, wrong)
        if self._items is not None:
            for index, item in enumerate(value):
                yield from self._items.faults(item, f"{path}/{index}")

    def _object_faults(self, value: dict[str, Any], path: str) -> Iterator[FieldError]:
        for name, rule in self._properties.items():
            if name in value:
                yield from rule.faults(value[name], _pointer(path, name))
            elif rule.parameter.required:
                yield FieldError(_pointer(path, name), "is required")


def _tags(forms: list[Parameter]) -> tuple[str, list[str | int | float]] | None:
    """Return the property that tells the forms apart, and its value in each."""
    for name in (forms[0].properties or {}) if forms else ():
        named = [(form.properties or {}).get(name) for form in forms]
        values = [one.enum[0] for one in named if one and one.enum and len(one.enum) == 1]
        if len(set(values)) == len(forms):
            return name, values
    return None


def _wrong_choice(choices: Iterable[str | int | float]) -> str:
    return f"must be one of {', '.join(map(str, choices))}"


def _has_type(type_name: str, value: Any) -> bool:
    match type_name:
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            # 5.0 is an integer, says JSON Schema; true is no number.
            is_int = isinstance(value, int) and not isinstance(value, bool)
            return is_int or (isinstance(value, float) and value.is_integer())
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "null":
            return value is None
        case _:
            return isinstance(value, str)


def _wrong_type(parameter: Parameter, value: Any) -> str:
    or_null = " or null" if parameter.nullable else ""
    return f"must be {_NAMES[parameter.type]}{or_null}, not {_name_of(value)}"


def _name_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float() if not value.is_integer():
            return str(value)
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _wrong_text(parameter: Parameter, value: str) -> str:
    wrong = _wrong_count(len(value), parameter.min_length, parameter.max_length, "character")
    if wrong:
        return wrong
    if parameter.type == "media":
        return "must be an http(s) URL or a data: URI, with other characters percent-encoded"
    if parameter.format is not None:
        return f"must be a {parameter.format.upper()}"
    return f"must match the pattern {parameter.pattern}"


def _wrong_count(count: int, at_least: int | None, at_most: int | None, what: str) -> str | None:
    if at_least is not None and count < at_least:
        if count == 0 and at_least == 1:
            return "must not be empty"
        return f"must have at least {_counted(at_least, what)}, not {count}"
    if at_most is not None and count > at_most:
        return f"must have at most {_counted(at_most, what)}, not {count}"
    return None


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _wrong_number(schema: Mapping[str, Any], value: int | float) -> str:
    at_least, at_most = schema["minimum"], schema["maximum"]
    # An endless number is not repeated (nor could Python write it).
    shown = f", not {value}" if abs(value) < 10**20 else ""
    if value < at_least:
        return f"must be at least {at_least}{shown}"
    return f"must be at most {at_most}{shown}"


def _pointer(parent: str, name: str) -> str:
    shown = name if len(name) <= _ECHO_MAX else f"{name[:_ECHO_MAX]}…"
    return f"{parent}/{shown.replace('~', '~0').replace('/', '~1')}"
