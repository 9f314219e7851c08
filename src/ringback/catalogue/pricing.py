"""What a job costs: the compute units of the variant of a model that its input asks for. Pure.

Where a model has ``cost_per``, they are for each of what that field counts.

A model's ``cost_by`` names what tells its variants apart, and each is found in the input: in the
fields that ``cost_from`` names, or else in the field of that name (``Video Reference`` is
``video_reference``). ``Yes`` and ``No`` say whether there is such a thing; numbers (``5s``) are
amounts, of which the next larger row is taken, and seconds beyond the last row cost in proportion;
anything else is compared as text. What the input does not decide costs as the dearest that is left:
a budget is sooner spent than overrun.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
        asked = [values.get(field) for field in fields_of(model, name)]
        rows, times = _fitting(rows, column, asked)
        factor *= times
    return max(row.compute_units for row in rows) * factor


def fields_of(model: Model, column: str) -> tuple[str, ...]:
    """Return the fields of the input that decide a column; none for one that is always the same."""
    named = model.cost_from.get(column)
    if named is not None:
        return named
    name = column.lower().replace(" ", "_")
    return (name,) if name in model.parameters else ()


def _fitting(
    rows: Sequence[Cost], column: int, asked: Sequence[Any]
) -> tuple[Sequence[Cost], float]:
    """Return the rows that fit what is asked for in a column, and how many times they count."""
    if not asked:
        return rows, 1.0
    texts = {row.variant[column] for row in rows}
    if all(text.lower() in _TRUTHS for text in texts):
        wanted = any(_is_there(one) for one in asked)
        return _kept(rows, column, lambda text: _TRUTHS[text.lower()] is wanted), 1.0
    amounts = {text: match for text in texts if (match := _AMOUNT.fullmatch(text))}
    if len(amounts) == len(texts):
        return _of_amount(rows, column, asked[0])
    return _kept(rows, column, lambda text: text.lower() == str(asked[0]).lower()), 1.0


def _of_amount(rows: Sequence[Cost], column: int, asked: Any) -> tuple[Sequence[Cost], float]:
    amount = len(asked) if isinstance(asked, list | str) else 0 if asked is None else float(asked)
    steps = sorted({_amount(row.variant[column]) for row in rows})
    step = next((one for one in steps if one >= amount), steps[-1])
    is_time = rows[0].variant[column].endswith("s")
    times = amount / step if is_time and amount > step > 0 else 1.0
    return [row for row in rows if _amount(row.variant[column]) == step], times


def _amount(text: str) -> float:
    match = _AMOUNT.fullmatch(text)
    assert match is not None
    return float(match[1])


def _kept(rows: Sequence[Cost], column: int, fits: Any) -> Sequence[Cost]:
    return [row for row in rows if fits(row.variant[column])] or rows


def _is_there(value: Any) -> bool:
    return value is not None and value not in (False, [], {}, "")
