"""Reads the inputs that an app declares, in the format of model parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ringback.catalogue.parameter import Parameter
from ringback.catalogue.schemas import compiled
from ringback.errors.wrong_values import explain_fault
from ringback.node_apps.values import NAME, FieldErrors, pointer

INPUTS_MAX = 64
_DEPTH_MAX = 6
_TYPES = "string, media, number, integer, boolean, array or object"


def read_parameters(document: Any, path: str, report: FieldErrors) -> dict[str, Parameter]:
    """Return the inputs that a definition declares."""
    if not isinstance(document, dict):
        report(path, "must be an object with the inputs by their names")
        return {}
    if len(document) > INPUTS_MAX:
        report(path, f"must have at most {INPUTS_MAX} inputs, not {len(document)}")
        return {}
    read: dict[str, Parameter] = {}
    for name, content in document.items():
        where = pointer(path, name)
        if not NAME.fullmatch(name):
            report(where, "must be called by a letter and then letters, digits or _")
        elif (parameter := _parameter(content, where, report)) is not None:
            read[name] = parameter
    return read


def _parameter(content: Any, path: str, report: FieldErrors) -> Parameter | None:
    if _depth(content) > _DEPTH_MAX:
        report(path, f"is nested more than {_DEPTH_MAX} levels deep")
        return None
    try:
        parameter = msgspec.convert(content, Parameter)
    except msgspec.ValidationError as exc:
        report(path, f"cannot be read: {explain_fault(exc, Parameter)}; its type is {_TYPES}")
        return None
    if any(one.pattern is not None for one in _all_in(parameter)):
        # Compiling a user's pattern may take seconds and would block the server.
        report(path, "has a pattern, which inputs of apps cannot have; use enum or max_length")
        return None
    if not _has_items(parameter):
        report(path, "is a list, or holds one, and must say in items what is in it")
        return None
    try:
        validator = compiled(parameter.schema)
        fits = not parameter.has_default or validator.is_valid(parameter.default)
    except (ValueError, RecursionError) as exc:
        report(path, f"cannot be used: {str(exc).splitlines()[0][:200]}")
        return None
    if not fits:
        report(f"{path}/default", "is not allowed by the input's own bounds")
        return None
    return parameter


def _all_in(parameter: Parameter) -> Iterator[Parameter]:
    yield parameter
    if isinstance(parameter.items, Parameter):
        yield from _all_in(parameter.items)
    for inner in (parameter.properties or {}).values():
        yield from _all_in(inner)


def _has_items(parameter: Parameter) -> bool:
    items = parameter.items
    if parameter.type == "array" and not isinstance(items, Parameter):
        return False
    inner = [*(parameter.properties or {}).values()]
    if isinstance(items, Parameter):
        inner.append(items)
    return all(map(_has_items, inner))


def _depth(value: Any, *, limit: int = 2 * _DEPTH_MAX) -> int:
    """Return the nesting depth in JSON levels, of which a nested parameter takes two."""
    if limit == 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(one, limit=limit - 1) for one in inner), default=0)
