"""Writes overlays: the routes of a description that differ from ours, as model files. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date as Day
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from ringback.catalogue.description_reading import DescribedRoute
from ringback.catalogue.parameter import Parameter
from ringback.catalogue.schemas import compiled
from ringback.catalogue.toml_files import check_models, provider_models
from ringback.errors import SetupError

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ENGINE = "sketch"
_EXAMPLES = ("fox", "a", "A", "1", "fox-1", "fox_1", "00000000-0000-0000-0000-000000000000")


class Overlay(Struct, frozen=True, kw_only=True):
    """The texts of the files, by provider, and the reasons why routes are in none."""

    files: dict[str, str]
    left_out: dict[str, str]


def write_overlay(
    routes: Iterable[DescribedRoute], gone: Iterable[str], *, day: Day, source: str
) -> Overlay:
    """Return the files that bring these routes, and end the gone ones on that day."""
    blocks: dict[str, list[str]] = {}
    left_out: dict[str, str] = {}
    for route in routes:
        provider = route.id.partition("/")[0]
        try:
            block = _model(route)
            content = tomllib.loads(_head(provider, source) + block)
            check_models([*provider_models(content).models])
        except (SetupError, ValueError) as exc:
            left_out[route.name] = str(exc)
        else:
            blocks.setdefault(provider, []).append(block)
    for name in gone:
        kind, provider, model = name.split("/", 2)
        blocks.setdefault(provider, []).append(_retired(kind, model, day))
    files = {
        provider: _head(provider, source) + "".join(sorted(found, key=_models_first))
        for provider, found in blocks.items()
    }
    return Overlay(files=files, left_out=left_out)


def _head(provider: str, source: str) -> str:
    return (
        f"# ringback models sync wrote this from {_in_comment(source)}, and will replace it.\n"
        f'overlay = true\nprovider = "{provider}"\nengine = "{_ENGINE}"\ntype = "external"\n'
    )


def _in_comment(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _models_first(block: str) -> bool:
    return block.startswith("\n[[retired]]")


def _model(route: DescribedRoute) -> str:
    fields = "".join(
        f"{_key(name)} = {_inline(_table(_with_example(parameter)))}\n"
        for name, parameter in route.parameters.items()
    )
    return (
        f"\n[[models]]\nname = {_text(route.id.partition('/')[2])}\nkind = {_text(route.kind)}\n"
        f"type = {_text(f'external{route.kind.capitalize()}')}\n"
        f"title = {_text(route.title)}\ndescription = {_text(f'{route.title}.')}\n"
        f"[models.parameters]\n{fields}"
    )


def _retired(kind: str, name: str, day: Day) -> str:
    return (
        f"\n[[retired]]\nname = {_text(name)}\nkind = {_text(kind)}\n"
        f"sunset = {{ date = {day.isoformat()} }}\n"
    )


def _with_example(parameter: Parameter) -> Parameter:
    """Return the parameter with examples where patterns refuse the usual ones, at each depth."""
    changes: dict[str, Any] = {}
    if parameter.type == "string" and parameter.pattern is not None and parameter.enum is None:
        is_valid = compiled(parameter.schema).is_valid
        if (example := next(filter(is_valid, _EXAMPLES), None)) is not None:
            changes["example"] = example
    if isinstance(parameter.items, Parameter):
        changes["items"] = _with_example(parameter.items)
    if parameter.properties is not None:
        changes["properties"] = {
            name: _with_example(inner) for name, inner in parameter.properties.items()
        }
    if parameter.forms:
        changes["one_of"] = tuple(_with_example(form) for form in parameter.forms)
    return msgspec.structs.replace(parameter, **changes) if changes else parameter


def _table(parameter: Parameter) -> dict[str, Any]:
    """Return the facts of a parameter that differ from the usual ones."""
    usual = Parameter(type=parameter.type)
    return {
        name: value
        for name in Parameter.__struct_fields__
        if (value := getattr(parameter, name)) not in (None, UNSET)
        and (name == "type" or value != getattr(usual, name))
    }


def _inline(value: Any) -> str:
    """Return a value as TOML, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() | float():
            return repr(value)
        case Day():
            return value.isoformat()
        case Parameter():
            return _inline(_table(value))
        case Struct():
            return _inline(msgspec.structs.asdict(value))
        case Mapping():
            pairs = (f"{_key(str(name))} = {_inline(one)}" for name, one in _present(value))
            return f"{{ {', '.join(pairs)} }}"
        case list() | tuple():
            return f"[{', '.join(map(_inline, value))}]"
        case _:
            raise SetupError(f"A value of the type {type(value).__name__} cannot be written.")


def _present(table: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    return ((name, one) for name, one in table.items() if one is not None)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """Return a text as a TOML string: JSON's, but for the character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
