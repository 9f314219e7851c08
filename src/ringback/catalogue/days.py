"""The days of which the public API's description is known, and the rules of a day. Pure.

Routes, fields and choices carry their own time in the data files: ``since`` is the first day that
has them, ``until`` the first day without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date as Day
from itertools import compress
from typing import Any

import msgspec
from msgspec import Struct

from ringback.catalogue.parameter import Parameter
from ringback.errors import SetupError


class Description(Struct, frozen=True, kw_only=True):
    """One known description of the public API: its day, and a bound that all its routes share."""

    day: Day
    url_length_max: int | None = None
    """The characters that an http(s) URL may have in an input; data: URIs have no bound."""


DESCRIPTIONS = (
    Description(day=Day(2026, 5, 27)),
    Description(day=Day(2026, 10, 9), url_length_max=1024),
)
NEWEST = DESCRIPTIONS[-1]


def description_of(day: Day | None) -> Description:
    """Return the description of that day, or the newest; raise ``SetupError`` for another day."""
    if day is None:
        return NEWEST
    for one in DESCRIPTIONS:
        if one.day == day:
            return one
    known = " and ".join(one.day.isoformat() for one in DESCRIPTIONS)
    raise SetupError(f"No description of the public API is known of {day}; there are {known}.")


def is_in_force(day: Day, *, since: Day | None, until: Day | None) -> bool:
    """Return whether a thing with these two days exists on the day."""
    return (since is None or since <= day) and (until is None or day < until)


def parameters_on(
    fields: Mapping[str, Parameter | tuple[Parameter, ...]], description: Description
) -> dict[str, Parameter]:
    """Return the fields of that day, each in the version of that day."""
    found = {name: _version(versions, description) for name, versions in fields.items()}
    return {name: parameter for name, parameter in found.items() if parameter is not None}


def _version(
    versions: Parameter | tuple[Parameter, ...], description: Description
) -> Parameter | None:
    candidates: Iterable[Parameter] = (versions,) if isinstance(versions, Parameter) else versions
    for one in candidates:
        if is_in_force(description.day, since=one.since, until=one.until):
            return _on(one, description)
    return None


def _on(parameter: Parameter, description: Description) -> Parameter:
    """Return the parameter with the choices, members and bounds of that day."""
    changes: dict[str, Any] = {}
    if parameter.since is not None or parameter.until is not None:
        changes = {"since": None, "until": None}
    if parameter.type == "media" and parameter.max_length is None:
        changes["max_length"] = description.url_length_max
    if parameter.enum_since:
        changes |= _choices_on(parameter, description.day)
    if isinstance(parameter.items, Parameter):
        changes["items"] = _on(parameter.items, description)
    if parameter.properties is not None:
        changes["properties"] = parameters_on(parameter.properties, description)
    if parameter.forms:
        changes["one_of"] = tuple(_on(form, description) for form in parameter.forms)
    return msgspec.structs.replace(parameter, **changes) if changes else parameter


def _choices_on(parameter: Parameter, day: Day) -> dict[str, Any]:
    """Return the choices of that day with their labels, as changes of the parameter."""
    later, choices = parameter.enum_since, parameter.enum or ()
    known = [is_in_force(day, since=later.get(str(choice)), until=None) for choice in choices]
    labels = parameter.labels and tuple(compress(parameter.labels, known))
    return {"enum": tuple(compress(choices, known)), "labels": labels, "enum_since": {}}
