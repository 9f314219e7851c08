"""Checks choices that depend on the value of another field. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ringback.catalogue.parameter import DependentChoices, Parameter
from ringback.catalogue.violations import invalid, pointer
from ringback.errors import FieldError

ChoicesCheck = Callable[[Mapping[str, Any], Mapping[str, Any]], None]
"""Checks a body and the same body with its defaults."""


def choices_check(parameters: Mapping[str, Parameter]) -> ChoicesCheck | None:
    """Return the check of fields whose choices depend on another field, or None without any.

    The check raises ``InvalidRequest`` for each choice in a body that belongs to other values of
    the other field; a choice that belongs to none goes with all. The default decides for another
    field that the body leaves out.
    """
    rules = {
        name: parameter.enum_by
        for name, parameter in parameters.items()
        if parameter.enum_by is not None
    }
    return partial(_check, rules) if rules else None


def _check(
    rules: Mapping[str, DependentChoices], values: Mapping[str, Any], completed: Mapping[str, Any]
) -> None:
    wrong = [
        error
        for name, rule in rules.items()
        if (error := _violation(name, rule, values, completed)) is not None
    ]
    if wrong:
        raise invalid(wrong)


def _violation(
    name: str, rule: DependentChoices, values: Mapping[str, Any], completed: Mapping[str, Any]
) -> FieldError | None:
    other, value = completed.get(rule.field), values.get(name)
    choices = [one.value for one in rule.choices.get(str(other), ())]
    belongs = any(one.value == value for listed in rule.choices.values() for one in listed)
    if not choices or not belongs or value in choices:
        return None
    message = f"must be one of {', '.join(choices)} where {rule.field} is {other}"
    return FieldError(pointer("", name), message)
