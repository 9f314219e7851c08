"""Checks the bodies of a model, renames aliases, and fills in defaults for our own engines.

Every submission is checked here, so a valid body costs one call of compiled code and one copy.
The request's body is never changed.
"""

from __future__ import annotations

from datetime import date as Day
from typing import Any

from msgspec import Struct

from ringback.catalogue.defaults import Defaults
from ringback.catalogue.dependent_choices import choices_check
from ringback.catalogue.model import Model
from ringback.catalogue.parameter import as_checked
from ringback.catalogue.seeds import SEED, SeedRange, seed_range
from ringback.catalogue.violations import SchemaCheck, invalid, too_deep
from ringback.errors import FieldError, InvalidRequest


class EngineInputs(Struct, frozen=True, kw_only=True):
    """Which engines get an input that is not simply completed, by their names."""

    upstream: frozenset[str] = frozenset()
    """Engines that get the input as it was given: a provider has defaults of its own."""
    drawing: frozenset[str] = frozenset()
    """Engines whose jobs get a seed each, where none was given, in place of the default seed."""


COMPLETED = EngineInputs()
"""Every engine gets the input with all defaults."""


class ValidInput(Struct, frozen=True, kw_only=True):
    """A valid body with current names, and the old and deprecated names that it had."""

    input: dict[str, Any]  # for the engine
    completed: dict[str, Any]  # with all defaults: for prices and checks
    deprecated: tuple[str, ...] = ()
    deprecated_since: Day | None = None  # of those names the first day
    seeds: SeedRange | None = None  # from which the job's own seed is drawn


class InputCheck:
    """Checks and completes the bodies of one model."""

    def __init__(self, model: Model, inputs: EngineInputs = COMPLETED) -> None:
        self._check = SchemaCheck(as_checked(model.schema), owner="this model")
        self._new_names = {alias.old: alias.new for alias in model.aliases}
        self._old_names = frozenset(self._new_names)
        self._check_choices = choices_check(model.parameters)
        self._deprecated_fields = {
            name: parameter.deprecated
            for name, parameter in model.parameters.items()
            if parameter.deprecated is not None
        }
        self._since = {alias.old: alias.since for alias in model.aliases}
        self._since |= self._deprecated_fields
        self._defaults = Defaults(model.parameters)
        self._is_upstream = model.engine in inputs.upstream
        self._seeds = seed_range(model.parameters) if model.engine in inputs.drawing else None

    def __call__(self, body: object) -> ValidInput:
        """Return the body checked, or raise ``InvalidRequest`` naming each wrong field."""
        if not isinstance(body, dict):
            raise InvalidRequest(
                'The body must be a JSON object, like {"prompt": "a lake at dawn"}.',
                [FieldError("", "must be an object")],
            )
        values = body
        deprecated: tuple[str, ...] = ()
        if self._old_names.isdisjoint(body):
            self._check(body)
        else:
            try:
                values, deprecated = self._renamed(body)
            except RecursionError as exc:
                raise too_deep() from exc
            # A violation of a field with an old name is reported under that name.
            new_names = {self._new_names[old]: old for old in deprecated}
            self._check(values, {new: old for new, old in new_names.items() if new not in body})
        completed = self._defaults.fill(values)
        if self._check_choices is not None:
            self._check_choices(values, completed)
        deprecated += tuple(name for name in self._deprecated_fields if name in body)
        since = min((self._since[name] for name in deprecated), default=None)
        inputs = values if self._is_upstream else completed
        seeds = None if self._is_upstream or values.get(SEED) is not None else self._seeds
        if seeds is not None:
            inputs = {name: value for name, value in completed.items() if name != SEED}
        return ValidInput(
            input=inputs,
            completed=completed,
            deprecated=deprecated,
            deprecated_since=since,
            seeds=seeds,
        )

    def _renamed(self, body: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the body with current names, and the old names that it had."""
        values = dict(body)
        clashes: list[FieldError] = []
        used = tuple(old for old in self._new_names if old in body)
        for old in used:
            new = self._new_names[old]
            value = values.pop(old)
            if values.setdefault(new, value) != value:
                message = f"is the old name of {new} and has another value; send only {new}"
                clashes.append(FieldError(f"/{old}", message))
        if clashes:
            raise invalid(clashes)
        return values, used
