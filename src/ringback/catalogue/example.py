"""Creates example inputs from a model's parameters."""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from ringback.catalogue.model import Model
from ringback.catalogue.parameter import Parameter

_TEXT = "a fox asleep in fresh snow"
_MEDIA = "https://example.com/fox.png"
_UUID = "550e8400-e29b-41d4-a716-446655440000"


def example_of(model: Model) -> dict[str, Any]:
    """Return a small valid body of the model: only its required fields."""
    return _object(model.parameters)


def _object(parameters: dict[str, Parameter]) -> dict[str, Any]:
    return {name: _value(parameter) for name, parameter in parameters.items() if parameter.required}


def _value(parameter: Parameter) -> Any:
    if not isinstance(parameter.example, UnsetType):
        return parameter.example
    if parameter.has_default:
        return parameter.default
    if parameter.enum is not None:
        return parameter.enum[0]
    return _value_of_type(parameter)


def _value_of_type(parameter: Parameter) -> Any:
    match parameter.type:
        case "media":
            return _MEDIA
        case "string":
            return _UUID if parameter.format == "uuid" else _text(parameter)
        case "boolean":
            return True
        case "array":
            items = parameter.items
            return (
                [_value(items)] * (parameter.min_items or 0) if isinstance(items, Parameter) else []
            )
        case "object":
            return _object(parameter.properties or {})
        case "union":
            return _value(parameter.forms[0])
        case "null":
            return None
        case _:
            return _number(parameter)


def _text(parameter: Parameter) -> str:
    return _TEXT.ljust(parameter.min_length or 0, ".")[: parameter.max_length]


def _number(parameter: Parameter) -> int | float:
    if parameter.exclusive_min is not None:
        return parameter.exclusive_min + 1
    if parameter.min is not None:
        return parameter.min
    return 1 if parameter.max is None else min(1, parameter.max)
