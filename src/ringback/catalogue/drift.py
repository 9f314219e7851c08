"""Compares generate routes of two descriptions: new, gone and changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import UNSET, Struct

from ringback.catalogue.parameter import Parameter

Routes = Mapping[str, Mapping[str, Parameter]]
"""The fields of each route, by its name after ``/generate/``."""
Aspect = Literal["new", "gone", "type", "required", "default", "choices", "bounds"]
_BOUNDS = (
    "min",
    "exclusive_min",
    "max",
    "min_length",
    "max_length",
    "pattern",
    "format",
    "min_items",
    "max_items",
)


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference of one field; ``effects[].id`` is a field of the items of ``effects``."""

    field: str
    aspect: Aspect
    before: Any = None
    after: Any = None


class Drift(Struct, frozen=True, kw_only=True):
    """The differences of the routes after from those before."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: dict[str, tuple[Change, ...]]

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.changed)

    @property
    def refielded(self) -> tuple[str, ...]:
        """The changed routes that have other fields; the rest have other rules alone."""
        return tuple(
            name
            for name, changes in self.changed.items()
            if any(one.aspect in ("new", "gone") for one in changes)
        )


def drift_between(before: Routes, after: Routes) -> Drift:
    """Return how the routes after differ from those before."""
    changed = {
        name: changes
        for name in sorted(before.keys() & after.keys())
        if (changes := tuple(_changes(before[name], after[name])))
    }
    return Drift(
        new=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - after.keys())),
        changed=changed,
    )


def _changes(before: Mapping[str, Parameter], after: Mapping[str, Parameter]) -> Iterator[Change]:
    old, new = dict(_flat(before)), dict(_flat(after))
    yield from (Change(field=field, aspect="gone") for field in old if field not in new)
    for field, parameter in new.items():
        if field not in old:
            yield Change(field=field, aspect="new")
            continue
        facts, others = _facts(old[field]), _facts(parameter)
        for aspect, fact in facts.items():
            if not _is_same(fact, others[aspect]):
                yield Change(field=field, aspect=aspect, before=fact, after=others[aspect])


def _flat(parameters: Mapping[str, Parameter], prefix: str = "") -> Iterator[tuple[str, Parameter]]:
    for name, parameter in parameters.items():
        yield from _with_inner(f"{prefix}{name}", parameter)


def _with_inner(path: str, parameter: Parameter) -> Iterator[tuple[str, Parameter]]:
    yield path, parameter
    if isinstance(parameter.items, Parameter):
        yield from _with_inner(f"{path}[]", parameter.items)
    yield from _flat(parameter.properties or {}, f"{path}.")
    for number, form in enumerate(parameter.forms, start=1):
        yield from _with_inner(f"{path}|{number}", form)


def _facts(parameter: Parameter) -> dict[Aspect, Any]:
    values = ((name, getattr(parameter, name)) for name in _BOUNDS)
    default = None if parameter.default is UNSET else parameter.default
    return {
        "type": f"{parameter.type} or null" if parameter.nullable else parameter.type,
        "required": parameter.required,
        "default": default,
        "choices": None if parameter.enum is None else list(parameter.enum),
        "bounds": {name: value for name, value in values if value is not None},
    }


def _is_same(one: Any, other: Any) -> bool:
    # True equals 1 for Python, and 5 equals 5.0 for JSON.
    return one == other and isinstance(one, bool) is isinstance(other, bool)
