"""Reads the data files; errors name the file and the place in it.

A file holds one provider's models. ``engine`` and ``type`` at the top apply to models without their
own; ``shapes`` are named parameters that several ``items`` share. A model, and a version of a
field, may have the days ``since`` and ``until`` between which they are in force.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date as Day
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ringback.catalogue.days import (
    DESCRIPTIONS,
    NEWEST,
    Description,
    is_in_force,
    parameters_on,
)
from ringback.catalogue.example import example_of
from ringback.catalogue.model import Alias, Cost, Model, Retired
from ringback.catalogue.parameter import Parameter
from ringback.catalogue.schemas import compiled
from ringback.catalogue.sunset import ModelId, Sunset, Url
from ringback.errors import SetupError
from ringback.wire.texts import read_text_file

_Segment = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]+$")]
_Name = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$")]


_Field = Parameter | tuple[Parameter, ...]
"""A field in one version, or in several with days of their own."""


class _AliasEntry(Struct, frozen=True, forbid_unknown_fields=True):
    to: str
    sunset: str | None = None
    since: Day | None = None


class _ModelEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: _Name
    kind: _Segment
    title: str
    description: str
    parameters: dict[str, _Field]
    since: Day | None = None
    until: Day | None = None
    replacement: ModelId | None = None
    migration_url: Url | None = None
    engine: str | None = None
    type: str | None = None
    aliases: dict[str, _AliasEntry] = {}
    compute_units: float | None = None
    cost_per: str | None = None
    cost_by: tuple[str, ...] = ()
    cost_from: dict[str, tuple[str, ...]] = {}
    costs: tuple[tuple[str | float, ...], ...] = ()
    usual_s: float | None = None
    sunset: Sunset | None = None


class _RetiredEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: _Name
    kind: _Segment
    sunset: Sunset


class _ProviderFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: _Segment
    engine: str
    type: str
    since: Day | None = None
    overlay: bool = False
    models: tuple[_ModelEntry, ...] = ()
    retired: tuple[_RetiredEntry, ...] = ()
    shapes: dict[str, Parameter] = {}


class ProviderModels(Struct, frozen=True, kw_only=True):
    """The contents of a data file: models and retired models."""

    models: tuple[Model, ...]
    retired: tuple[Retired, ...]
    is_overlay: bool = False  # its models replace those of the same name


def read_file(file: Path, description: Description = NEWEST) -> ProviderModels:
    """Return the models of a user's data file, or raise ``SetupError`` with the mistake."""
    return _read(file, msgspec.structs.replace(description, url_length_max=None), since=None)


def read_built_in_file(file: Path, description: Description) -> ProviderModels:
    """Return the models of one of our data files on that day.

    A model without ``since``, in a file without one, is new on the newest day.
    """
    return _read(file, description, since=NEWEST.day)


def _read(file: Path, description: Description, *, since: Day | None) -> ProviderModels:
    try:
        content = tomllib.loads(read_text_file(file))
        return _provider_models(content, description, since=since)
    except (OSError, ValueError, RecursionError) as exc:
        raise SetupError(f"The model file {file.name} cannot be used: {exc}") from exc


def provider_models(
    content: Mapping[str, Any], description: Description = NEWEST
) -> ProviderModels:
    """Return the models of a provider in the settings file, or raise ``SetupError``."""
    try:
        unbounded = msgspec.structs.replace(description, url_length_max=None)
        return _provider_models(content, unbounded, since=None)
    except ValueError as exc:
        name = str(content.get("provider", "without a name"))[:80]
        raise SetupError(f"The setting providers, {name}, cannot be used: {exc}") from exc


def _provider_models(
    content: Mapping[str, Any], description: Description, *, since: Day | None
) -> ProviderModels:
    provider = msgspec.convert(content, _ProviderFile)
    models, retired = [], []
    for entry in provider.models:
        first = entry.since or provider.since or since
        if is_in_force(description.day, since=first, until=entry.until):
            models.append(_model(provider, entry, description))
        elif entry.until is not None and entry.until <= description.day:
            sunset = Sunset(
                date=entry.until,
                replacement=entry.replacement,
                migration_url=entry.migration_url,
            )
            retired.append(_retired(provider, entry, sunset))
    retired += [_retired(provider, entry, entry.sunset) for entry in provider.retired]
    return ProviderModels(models=tuple(models), retired=tuple(retired), is_overlay=provider.overlay)


def _retired(
    provider: _ProviderFile, entry: _ModelEntry | _RetiredEntry, sunset: Sunset
) -> Retired:
    return Retired(kind=entry.kind, id=f"{provider.provider}/{entry.name}", sunset=sunset)


def check_models(models: list[Model]) -> None:
    """Raise ``SetupError`` for the first model with contradictory bounds, defaults or patterns.

    It compiles every schema, so it is only for users' files; tests do it for the built-in ones.
    """
    for model in models:
        for name, parameter in model.parameters.items():
            _check(parameter, f"Model {model.id}, parameter {name}")
        if not compiled(model.schema).is_valid(example_of(model)):
            raise SetupError(
                f"Model {model.id} refuses its own example; give its required parameters "
                "an `example` each, and check that their bounds allow it."
            )


def _check(parameter: Parameter, where: str) -> None:
    try:
        validator = compiled(parameter.schema)
        matches = not parameter.has_default or validator.is_valid(parameter.default)
        choices_fit = all(validator.is_valid(choice) for choice in parameter.enum or ())
    except ValueError as exc:
        raise SetupError(f"{where}: {exc}") from exc
    if not choices_fit:
        raise SetupError(f"{where}: not every choice is of its type and within its bounds.")
    if not matches:
        raise SetupError(f"{where}: the default is not allowed by its own bounds.")
    if isinstance(parameter.items, Parameter):
        _check(parameter.items, f"{where}, items")
    for name, inner in (parameter.properties or {}).items():
        _check(inner, f"{where}, property {name}")
    for number, form in enumerate(parameter.forms, start=1):
        _check(form, f"{where}, form {number}")


def _model(provider: _ProviderFile, entry: _ModelEntry, description: Description) -> Model:
    where = f"model {entry.name}"
    fields = {
        name: _field_with_shapes(field, provider.shapes, f"{where}, parameter {name}")
        for name, field in entry.parameters.items()
    }
    parameters = parameters_on(fields, description)
    if entry.sunset is not None and entry.sunset.since is None:
        raise ValueError(f"{where}: its sunset needs `since`, the day of its announcement.")
    for column, names in entry.cost_from.items():
        if column not in entry.cost_by or not set(names) <= set(fields):
            raise ValueError(
                f"{where}: cost_from has columns of cost_by, each with the parameters that decide."
            )
    return Model(
        id=f"{provider.provider}/{entry.name}",
        kind=entry.kind,
        type=entry.type or provider.type,
        title=entry.title,
        description=entry.description,
        engine=entry.engine or provider.engine,
        parameters=parameters,
        aliases=_aliases(entry, parameters, description.day),
        compute_units=entry.compute_units,
        cost_per=entry.cost_per,
        cost_by=entry.cost_by,
        cost_from=entry.cost_from,
        costs=tuple(_cost(entry, row) for row in entry.costs),
        sunset=entry.sunset,
        usual_s=entry.usual_s,
    )


def _aliases(
    entry: _ModelEntry, parameters: Mapping[str, Parameter], day: Day
) -> tuple[Alias, ...]:
    """Return the aliases of that day, of fields that the day has."""
    for old, alias in entry.aliases.items():
        is_clear = old not in parameters or not is_in_force(day, since=alias.since, until=None)
        if alias.to not in entry.parameters or not is_clear:
            raise ValueError(
                f"model {entry.name}: the alias {old} must stand for a parameter, "
                "and not be one itself."
            )
    return tuple(
        Alias(
            old=old,
            new=alias.to,
            sunset=alias.sunset,
            since=alias.since or DESCRIPTIONS[0].day,
        )
        for old, alias in entry.aliases.items()
        if alias.to in parameters and is_in_force(day, since=alias.since, until=None)
    )


def _field_with_shapes(field: _Field, shapes: dict[str, Parameter], where: str) -> _Field:
    if isinstance(field, Parameter):
        return _with_shapes(field, shapes, where)
    return tuple(_with_shapes(one, shapes, where) for one in field)


def _with_shapes(parameter: Parameter, shapes: dict[str, Parameter], where: str) -> Parameter:
    """Return the parameter with its named shapes replaced by parameters, at every depth."""
    changes: dict[str, Any] = {}
    if parameter.type == "array":
        items = parameter.items
        if isinstance(items, str):
            items = shapes.get(items)
        if items is None:
            raise ValueError(f"{where}: items must be a parameter or name one of the shapes.")
        changes["items"] = _with_shapes(items, shapes, where)
    if parameter.type == "union":
        changes["one_of"] = tuple(
            _with_shapes(form, shapes, where) for form in _forms_of(parameter, shapes, where)
        )
    if parameter.properties is not None:
        changes["properties"] = {
            name: _with_shapes(inner, shapes, where) for name, inner in parameter.properties.items()
        }
    return msgspec.structs.replace(parameter, **changes) if changes else parameter


def _forms_of(parameter: Parameter, shapes: dict[str, Parameter], where: str) -> list[Parameter]:
    forms = [shapes.get(form) if isinstance(form, str) else form for form in parameter.one_of or ()]
    if not forms or None in forms:
        raise ValueError(f"{where}: one_of must have parameters, or names of the shapes.")
    return [form for form in forms if form is not None]


def _cost(entry: _ModelEntry, row: tuple[str | float, ...]) -> Cost:
    variant, numbers = row[: len(entry.cost_by)], row[len(entry.cost_by) :]
    match numbers:
        case [int() | float() as compute_units]:
            usual_s = None
        case [int() | float() as compute_units, int() | float() as usual_s]:
            pass
        case _:
            raise ValueError(
                f"model {entry.name}: each of costs is one value for each of cost_by, then the "
                "units and, if it is known, the usual seconds."
            )
    return Cost(
        variant=tuple(str(value) for value in variant),
        compute_units=compute_units,
        usual_s=usual_s,
    )
