"""The chart of usage: compute units by day, and the month's sum against its budget. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from msgspec import Struct

WIDTH, HEIGHT = 520.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 12.0, 14.0, 28.0
_BAR_WIDTH_MAX = 40.0
_TICKS = 4
_DAY_LABELS_MAX = 8


class Bar(Struct, frozen=True, kw_only=True):
    """One day's bar."""

    day: date
    units: float
    x: float
    y: float
    width: float
    height: float


class Tick(Struct, frozen=True, kw_only=True):
    """A label of an axis, and its position along that axis."""

    at: float
    text: str


class Plot(Struct, frozen=True, kw_only=True):
    """One plot with both axes: bars, or the line of a running sum, and the budget's line."""

    bars: tuple[Bar, ...] = ()
    polyline: str = ""
    end: tuple[float, float] | None = None  # the line's last point, so that a single day is visible
    budget_y: float | None = None
    budget: float | None = None
    y_ticks: tuple[Tick, ...] = ()
    x_ticks: tuple[Tick, ...] = ()
    highest: float = 0.0


class UsageCharts(Struct, frozen=True, kw_only=True):
    """The two plots of a period."""

    by_day: Plot
    running: Plot


def charts_of(
    units: Mapping[date, float], *, first: date, last: date, monthly_budget: float | None
) -> UsageCharts:
    """Return the plots of the days from ``first`` to ``last``, both included.

    The running sum begins anew with each calendar month, as a monthly budget does; ``units`` may
    have the days before ``first`` in its month, which count for it.
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    sums = dict(_running(units, first=first, last=last))
    highest_sum = max([*sums.values(), monthly_budget or 0.0])
    day_top = _round_up(max(units.get(day, 0.0) for day in days))
    sum_top = _round_up(highest_sum)
    x_ticks = tuple(_x_ticks(days))
    by_day = Plot(
        bars=tuple(_bars(units, days, day_top)),
        y_ticks=tuple(_y_ticks(day_top)),
        x_ticks=x_ticks,
        highest=day_top,
    )
    points = [
        (round(_middle(number, len(days)), 1), round(_y(sums[day], sum_top), 1))
        for number, day in enumerate(days)
    ]
    running = Plot(
        polyline=" ".join(f"{x},{y}" for x, y in points),
        end=points[-1],
        budget=monthly_budget,
        budget_y=None if monthly_budget is None else round(_y(monthly_budget, sum_top), 1),
        y_ticks=tuple(_y_ticks(sum_top)),
        x_ticks=x_ticks,
        highest=sum_top,
    )
    return UsageCharts(by_day=by_day, running=running)


def _running(
    units: Mapping[date, float], *, first: date, last: date
) -> Iterator[tuple[date, float]]:
    """Yield each day with the sum of its month up to it."""
    day, total = first.replace(day=1), 0.0
    while day <= last:
        total = units.get(day, 0.0) + (0.0 if day.day == 1 else total)
        yield day, total
        day += timedelta(days=1)


def _bars(units: Mapping[date, float], days: list[date], top: float) -> Iterator[Bar]:
    step = _room() / len(days)
    for number, day in enumerate(days):
        value = units.get(day, 0.0)
        if value > 0:
            y, width = _y(value, top), min(_BAR_WIDTH_MAX, max(1.0, step * 0.76))
            yield Bar(
                day=day,
                units=value,
                x=round(LEFT + number * step + (step - width) / 2, 1),
                y=round(y, 1),
                width=round(width, 1),
                height=round(HEIGHT - BOTTOM - y, 1),
            )


def _x_ticks(days: list[date]) -> Iterator[Tick]:
    step = math.ceil(len(days) / _DAY_LABELS_MAX)
    for number in range(0, len(days), step):
        # The last label ends at the edge, or it would be cut.
        at = min(_middle(number, len(days)), WIDTH - RIGHT - 14)
        yield Tick(at=round(at, 1), text=f"{days[number]:%m-%d}")


def _y_ticks(top: float) -> Iterator[Tick]:
    for number in range(_TICKS + 1):
        value = top * number / _TICKS
        yield Tick(at=round(_y(value, top), 1), text=f"{value:,.4g}")


def _round_up(value: float) -> float:
    """Return the next number that divides into four round parts: 4, 8, 20, 40, 80 …"""
    if value <= 0:
        return 4.0
    scale = 10.0 ** math.floor(math.log10(value / _TICKS))
    parts = next(one for one in (1, 2, 2.5, 5, 10) if one * scale * _TICKS >= value * 0.999_999)
    return parts * scale * _TICKS


def _room() -> float:
    return WIDTH - LEFT - RIGHT


def _middle(number: int, count: int) -> float:
    return LEFT + (number + 0.5) * _room() / count


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top
