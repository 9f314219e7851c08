"""The cost of a job: the compute units of the model's variant that its input selects. Pure.

With ``cost_per``, the units are multiplied by the value of that field.

A model's ``cost_by`` names the columns that identify a variant. The input decides a column by the
fields in ``cost_from``, or else by the field of the column's name (``Video Reference`` is
``video_reference``). ``Yes`` and ``No`` say whether a field has a value. Numbers (``5s``) are
amounts: the next larger row counts, and seconds beyond the last row cost in proportion. Anything
else is compared as text. A column that the input does not decide costs as its most expensive row,
so that a budget is never exceeded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ringback.catalogue.model import Cost, Model

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(s?)")
_TRUTHS = {"yes": True, "no": False}


def cost_of(model: Model, values: Mapping[str, Any]) -> float:
    """Return the compute units of a valid input; a model without a price costs nothing."""
    if not model.costs:
        units = model.compute_units or 0.0
        return units if model.cost_per is None else units * float(values.get(model.cost_per) or 0)
    rows: Sequence[Cost] = model.costs
    factor = 1.0
    for column, name in enumerate(model.cost_by):
        chosen = [values.get(field) for field in fields_of(model, name)]
        rows, times = _matching_rows(rows, column, chosen)
        factor *= times
    return max(row.compute_units for row in rows) * factor


def free(model: Model) -> Model:
    """Return the model at the price of nothing; one without a price is left as it is."""
    if model.compute_units is None and not model.costs:
        return model
    return replace(model, compute_units=0.0, cost_per=None, cost_by=(), cost_from={}, costs=())


def fields_of(model: Model, column: str) -> tuple[str, ...]:
    """Return the input fields that decide a column; none for a constant column."""
    named = model.cost_from.get(column)
    if named is not None:
        return named
    name = column.lower().replace(" ", "_")
    return (name,) if name in model.parameters else ()


def _matching_rows(
    rows: Sequence[Cost], column: int, values: Sequence[Any]
) -> tuple[Sequence[Cost], float]:
    """Return the rows whose column matches the input's values, and the factor of their cost."""
    if not values:
        return rows, 1.0
    texts = {row.variant[column] for row in rows}
    if all(text.lower() in _TRUTHS for text in texts):
        is_present = any(_is_present(one) for one in values)
        return _filter(rows, column, lambda text: _TRUTHS[text.lower()] is is_present), 1.0
    amounts = {text: match for text in texts if (match := _AMOUNT.fullmatch(text))}
    if len(amounts) == len(texts):
        return _of_amount(rows, column, values[0])
    return _filter(rows, column, lambda text: text.lower() == str(values[0]).lower()), 1.0


def _of_amount(rows: Sequence[Cost], column: int, value: Any) -> tuple[Sequence[Cost], float]:
    amount = len(value) if isinstance(value, list | str) else 0 if value is None else float(value)
    steps = sorted({_amount(row.variant[column]) for row in rows})
    step = next((one for one in steps if one >= amount), steps[-1])
    is_time = rows[0].variant[column].endswith("s")
    times = amount / step if is_time and amount > step > 0 else 1.0
    return [row for row in rows if _amount(row.variant[column]) == step], times


def _amount(text: str) -> float:
    match = _AMOUNT.fullmatch(text)
    assert match is not None
    return float(match[1])


def _filter(rows: Sequence[Cost], column: int, matches: Any) -> Sequence[Cost]:
    return [row for row in rows if matches(row.variant[column])] or rows


def _is_present(value: Any) -> bool:
    return value is not None and value not in (False, [], {}, "")
