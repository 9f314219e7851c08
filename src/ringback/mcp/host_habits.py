"""Turns the arguments that language models' hosts send into those that the tools take. Pure.

Hosts send null for an argument that is left out, objects and numbers as text, names in other
spellings, and a model's parameters beside ``input`` or the tool's own arguments inside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec.json
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

_OTHER_NAMES = {
    "model_id": "model",
    "image": "image_url",
    "id": "job_id",
    "file_data": "data",
    "file_url": "url",
    "filename": "description",
    "file_name": "description",
    "timeout": "wait_s",
    "timeout_s": "wait_s",
    "timeout_seconds": "wait_s",
}
"""Other names of arguments, in snake case; each counts where the tool has no such argument."""
_UNUSED = frozenset({"mime_type", "content_type", "sync"})
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_TEXT_LENGTH_MAX = 100_000  # of an object that came as text


def adapted(tool_arguments: type[Struct], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments in the tool's own names and types; all others stay as they are."""
    known = {field.name: field for field in fields(tool_arguments)}
    named = _named(known, values)
    if "input" in known:
        named = _with_input(known, named)
    if "wait_s" in known:
        _set_wait(named, is_awaited=values.get("sync"))
    return {name: value for name, value in named.items() if not _is_left_out(known, name, value)}


def typed(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's parameters with numbers and booleans that came as text as such.

    ``schema`` is the JSON Schema of the model's input. Null members are left out.
    """
    properties = schema.get("properties", {})
    return {
        name: _typed(value, _types_of(properties.get(name, {})))
        for name, value in values.items()
        if value is not None
    }


def _named(known: Mapping[str, FieldInfo], values: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: value for name, value in values.items() if name in known}
    for name, value in values.items():
        if name in known:
            continue
        own = _CAPITAL.sub(r"_\1", name).lower()
        own = own if own in known else _OTHER_NAMES.get(own, own)
        if own in _UNUSED:
            continue
        named.setdefault(own if own in known else name, value)
    return named


def _with_input(known: Mapping[str, FieldInfo], named: dict[str, Any]) -> dict[str, Any]:
    """Put the tool's own arguments on top, and all others into ``input``."""
    own = _object(named.pop("input", None))
    if not isinstance(own, dict):
        return {**named, "input": own}  # refused, in the words of its type
    inside = {name: value for name, value in own.items() if value is not None}
    for name in known.keys() & inside.keys() - {"input"}:
        if name not in named or named[name] == inside[name]:
            named[name] = inside.pop(name)
    for name in named.keys() - known.keys():
        value = named.pop(name)
        if value is not None:
            inside.setdefault(name, value)
    return {**named, "input": inside}


def _set_wait(named: dict[str, Any], *, is_awaited: object) -> None:
    wait_s = named.get("wait_s")
    if isinstance(wait_s, str) and _NUMBER.fullmatch(wait_s.strip()):
        named["wait_s"] = float(wait_s)
    elif wait_s is None and is_awaited in (False, "false"):
        named["wait_s"] = 0.0


def _is_left_out(known: Mapping[str, FieldInfo], name: str, value: object) -> bool:
    field = known.get(name)
    if field is None:
        return value is None
    is_optional = field.default is not NODEFAULT or field.default_factory is not NODEFAULT
    is_blank = isinstance(value, str) and not value.strip()
    return value is None or (is_optional and is_blank)


def _object(value: object) -> object:
    if value is None or value == "":
        return {}
    if isinstance(value, str) and len(value) <= _TEXT_LENGTH_MAX:
        try:
            decoded = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            return value
        return decoded if isinstance(decoded, dict) else value
    return value


def _types_of(schema: Mapping[str, Any]) -> set[str]:
    found = schema.get("type", ())
    types = {found} if isinstance(found, str) else set(found)
    for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        types |= _types_of(form)
    return types


def _typed(value: object, types: set[str]) -> object:
    if not isinstance(value, str) or "string" in types:
        return value
    text = value.strip()
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if types & {"number", "integer"} and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if types & {"array", "object"} and text[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return value
    return value
