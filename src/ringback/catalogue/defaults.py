"""Fills in the defaults of missing fields at every depth, by a plan made once per model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

from ringback.catalogue.parameter import Parameter
from ringback.catalogue.schemas import compiled

_Fill = Callable[[Any], Any]


class Defaults:
    """The defaults of an object's fields, and of the values in its fields."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._values = {name: p.default for name, p in parameters.items() if p.has_default}
        # A mutable default must not be shared between jobs.
        self._copied = tuple(
            name for name, value in self._values.items() if isinstance(value, list | dict)
        )
        fills = ((name, _fill_of(parameter)) for name, parameter in parameters.items())
        self._fills = tuple((name, fill) for name, fill in fills if fill is not None)

    def __bool__(self) -> bool:
        return bool(self._values or self._fills)

    def fill(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of the object with defaults for its missing fields."""
        filled = self._values | values
        for name in self._copied:
            if name not in values:
                filled[name] = deepcopy(filled[name])
        for name, fill in self._fills:
            if name in values:
                filled[name] = fill(values[name])
        return filled


def _fill_of(parameter: Parameter) -> _Fill | None:
    """Return the function that fills in defaults inside a value, or None if there are none."""
    if isinstance(parameter.items, Parameter):
        fill_item = _fill_of(parameter.items)
        return None if fill_item is None else partial(_fill_list, fill_item)
    if parameter.forms:
        fills = [(compiled(form.schema).is_valid, _fill_of(form)) for form in parameter.forms]
        return partial(_fill_form, fills) if any(fill for _, fill in fills) else None
    defaults = Defaults(parameter.properties or {})
    return partial(_fill_object, defaults) if defaults else None


def _fill_list(fill_item: _Fill, value: Any) -> Any:
    # A nullable field may hold null instead.
    return [fill_item(item) for item in value] if isinstance(value, list) else value


def _fill_form(fills: Sequence[tuple[Callable[[Any], bool], _Fill | None]], value: Any) -> Any:
    fill = next((fill for is_form, fill in fills if is_form(value)), None)
    return value if fill is None else fill(value)


def _fill_object(defaults: Defaults, value: Any) -> Any:
    return defaults.fill(value) if isinstance(value, dict) else value
