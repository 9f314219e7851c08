"""Reads a model's parameters from long options, typed by the model's JSON Schema. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_TRUTHS = {"true": True, "false": False}
_KIND_OF = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")
_DEEPEST = 8


class ParameterError(click.UsageError):
    """An option does not fit the schema; the message is one sentence."""


class Read(NamedTuple):
    """The prompt, if any, and the parameters of a command line."""

    prompt: str | None
    values: dict[str, Any]


def read_parameters(tokens: Sequence[str], schema: Mapping[str, Any]) -> Read:
    """Return the prompt and parameters in a command line's tokens, typed by the input's schema.

    The server validates the values. An unknown parameter becomes JSON if its text is valid JSON,
    else a string.
    """
    properties = schema.get("properties")
    reader = _Reader(properties if isinstance(properties, Mapping) else {})
    rest = list(tokens)
    while rest:
        reader.take(rest)
    if len(reader.words) > 1:
        raise ParameterError(
            f"{reader.words[1]!r} is a second prompt; put one prompt in quotation marks."
        )
    return Read(reader.words[0] if reader.words else None, reader.values)


def kinds_of(schema: object, *, deep: int = 0) -> tuple[str, ...]:
    """Return the JSON types that a schema allows; none when it does not say."""
    if not isinstance(schema, Mapping) or deep > _DEEPEST:
        return ()
    named = schema.get("type")
    if isinstance(named, str):
        return (named,)
    if isinstance(named, list):
        return tuple(str(one) for one in named)
    of_values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(of_values, list):
        return tuple(dict.fromkeys(_KIND_OF.get(type(value), "object") for value in of_values))
    alternatives = [one for name in _ALTERNATIVES for one in _list(schema.get(name))]
    return tuple(
        dict.fromkeys(kind for one in alternatives for kind in kinds_of(one, deep=deep + 1))
    )


class _Reader:
    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties
        self.words: list[str] = []
        self.values: dict[str, Any] = {}

    def take(self, rest: list[str]) -> None:
        """Take a word, or an option with its value, off the front."""
        token = rest.pop(0)
        if not token.startswith("--"):
            self.words.append(token)
            return
        flag, equals, value = token.partition("=")
        name, is_negated = self._name_of(flag)
        if is_negated:
            self._set(flag, name, False)
        elif equals:
            self._put(flag, name, value)
        elif self._stands_alone(name, rest):
            self._set(flag, name, True)
        elif not rest:
            raise ParameterError(f"{flag} needs a value.")
        else:
            self._put(flag, name, rest.pop(0))

    def _name_of(self, flag: str) -> tuple[str, bool]:
        name = flag[2:].replace("-", "_")
        if not name:
            raise ParameterError(f"{flag!r} is no option.")
        positive = name.removeprefix("no_")
        is_negated = name not in self._properties and "boolean" in self._kinds(positive)
        return (positive, True) if is_negated and positive != name else (name, False)

    def _stands_alone(self, name: str, rest: list[str]) -> bool:
        if name not in self._properties:
            return not rest or rest[0].startswith("--")
        return "boolean" in self._kinds(name) and (not rest or rest[0].lower() not in _TRUTHS)

    def _kinds(self, name: str) -> tuple[str, ...]:
        return kinds_of(self._properties.get(name))

    def _put(self, flag: str, name: str, text: str) -> None:
        kinds = self._kinds(name)
        if "array" in kinds and isinstance(whole := _json(text), list):
            self._set(flag, name, whole)
        elif "array" not in kinds or "string" in kinds:
            self._set(flag, name, _value(flag, text, kinds))
        else:
            items = self._properties[name].get("items")
            self.values.setdefault(name, []).append(_value(flag, text, kinds_of(items)))

    def _set(self, flag: str, name: str, value: object) -> None:
        if name in self.values:
            raise ParameterError(f"{flag} is given twice.")
        self.values[name] = value


def _value(flag: str, text: str, kinds: Sequence[str]) -> Any:
    if not kinds:
        return _as_it_looks(text)
    if "null" in kinds and text == "null":
        return None
    if "boolean" in kinds and text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if ("integer" in kinds or "number" in kinds) and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in kinds and _NUMBER.fullmatch(text):
        return float(text)
    if {"object", "array"} & set(kinds) and isinstance(found := _json(text), dict | list):
        return found
    if "string" in kinds:
        return text
    raise ParameterError(f"{flag} takes {_taken(kinds)}; {text[:100]!r} is none.")


def _as_it_looks(text: str) -> Any:
    found = _json(text)
    return text if found is None and text != "null" else found


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _taken(kinds: Sequence[str]) -> str:
    names = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "object": "a JSON object",
        "array": "a JSON list",
        "null": "null",
    }
    return " or ".join(names.get(kind, kind) for kind in kinds)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
