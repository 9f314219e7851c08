"""Explains wrong values in plain words: the rule, the place, and the names that there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `(?:key` in `)?\$(?P<where>[^`]*)`)?", re.DOTALL)
_NAMED = re.compile(r"Object (?P<fault>contains unknown|missing required) field `(?P<name>.*)`")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[[^\]]*\]")
_NOT_OURS = ("Expected ", "Invalid ")  # how msgspec's own messages begin
_NAME_MAX = 100  # characters that are compared: a stranger's name may have millions
_CLAUSE_MAX = 400  # characters; a wrong name may be long


def explain_fault(error: msgspec.ValidationError, into: Any) -> str:
    """Return the reason why a value could not be converted into the type, as a clause."""
    match = _MESSAGE.fullmatch(str(error))
    assert match is not None
    what, path = match["what"], match["where"] or ""
    where = path.removeprefix(".")
    kind = _at(path, inspect.type_info(into))
    named = _NAMED.fullmatch(what)
    if named is not None and named["fault"] == "missing required":
        return _shortened(f"{where or 'it'} needs {named['name']}")
    if named is not None:
        return _shortened(
            f"{named['name']} is no field{where and ' of '}{where}{_names(kind, named)}"
        )
    if what.startswith(_NOT_OURS) and kind is not None:
        return _shortened(f"{where or 'it'} must be {rule_of(kind)}")
    return _shortened(f"{where}: {what}" if where else what)


def required(kind: inspect.Type) -> inspect.Type:
    """Return a type without its None and without its description."""
    if isinstance(kind, inspect.Metadata):
        return required(kind.type)
    if not isinstance(kind, inspect.UnionType):
        return kind
    kinds = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    return required(kinds[0]) if len(kinds) == 1 else kind


def text_rule(kind: inspect.StrType) -> str:
    """Return the rule for a text, as the end of a sentence."""
    bounds = [
        f" of at least {kind.min_length} characters" if kind.min_length else "",
        f" of at most {kind.max_length} characters" if kind.max_length is not None else "",
        f" that matches {kind.pattern}" if kind.pattern is not None else "",
    ]
    return "a text" + "".join(bounds)


def rule_of(
    kind: inspect.Type, *, unit: str = "", text: Callable[[inspect.StrType], str] = text_rule
) -> str:
    """Return the rule for a value of the type, as the end of a sentence."""
    match required(kind):
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType() as number:
            whole = "whole " if isinstance(number, inspect.IntType) else ""
            return f"a {whole}number{unit}{_bounds(number)}"
        case inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case inspect.EnumType(cls=cls):
            return " or ".join(str(one.value) for one in cls)
        case inspect.DateType():
            return "a day like 2026-10-09"
        case inspect.CustomType():
            return "a path"
        case inspect.StrType() as one:
            return text(one)
        case inspect.VarTupleType() | inspect.ListType() as many:
            most = "" if many.max_length is None else f" of at most {many.max_length}"
            return f"a list{most}, each {rule_of(many.item_type, unit=unit, text=text)}"
        case inspect.UnionType(types=types):
            rules = [rule_of(one, unit=unit, text=text) for one in types]
            return ", or ".join(dict.fromkeys(rules))
    return "a table of names and values"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    least, most = (kind.gt if kind.gt is not None else kind.ge), kind.le
    if least is None:
        return "" if most is None else f" of at most {most:.15g}"
    bounds = f" {'above' if kind.gt is not None else 'from'} {least:g}"
    return bounds if most is None else f"{bounds} to {most:.15g}"


def _at(path: str, kind: inspect.Type) -> inspect.Type | None:
    """Return the type at a path, or None where it is not known."""
    found: inspect.Type | None = kind
    for step in _STEP.finditer(path):
        match required(found) if found is not None else None, step["name"]:
            case inspect.StructType(fields=fields), str(name):
                found = next((one.type for one in fields if one.encode_name == name), None)
            case ((inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item)), None):
                found = item
            case inspect.DictType(value_type=value), None:
                found = value
            case _:
                return None
    return found and required(found)


def _names(kind: inspect.Type | None, named: re.Match[str]) -> str:
    if not isinstance(kind, inspect.StructType):
        return ""
    names = [one.encode_name for one in kind.fields]
    near = get_close_matches(named["name"][:_NAME_MAX], names, n=1)
    return f"; the nearest is {near[0]}" if near else f"; there are {', '.join(names)}"


def _shortened(clause: str) -> str:
    return clause if len(clause) <= _CLAUSE_MAX else f"{clause[: _CLAUSE_MAX - 1]}…"
