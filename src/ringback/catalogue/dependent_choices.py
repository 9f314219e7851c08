"""Checks choices that depend on the value of another field. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.catalogue.parameter import DependentChoices, Parameter
from ringback.catalogue.violations import invalid, pointer
from ringback.errors import FieldError


class DependentChoicesCheck:
    """Checks the fields of one model whose choices depend on another field."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._rules = {
            name: parameter.enum_by
            for name, parameter in parameters.items()
            if parameter.enum_by is not None
        }

    def __call__(self, values: Mapping[str, Any], completed: Mapping[str, Any]) -> None:
        """Raise ``InvalidRequest`` for each given choice that the other field rules out.

        ``completed`` has the defaults, which decide for another field that was not given.
        """
        wrong = [
            error
            for name, rule in self._rules.items()
            if (error := _violation(name, rule, values, completed)) is not None
        ]
        if wrong:
            raise invalid(wrong)


def _violation(
    name: str, rule: DependentChoices, values: Mapping[str, Any], completed: Mapping[str, Any]
) -> FieldError | None:
    other = completed.get(rule.field)
    choices = [one.value for one in rule.choices.get(str(other), ())]
    if name not in values or not choices or values[name] in choices:
        return None
    message = f"must be one of {', '.join(choices)} where {rule.field} is {other}"
    return FieldError(pointer("", name), message)
