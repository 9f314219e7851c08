"""The histogram of a day's deliveries: a bar for each hour, by how they stand now. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ringback.dashboard.presenters.charts import HEIGHT, WIDTH, round_up
from ringback.service.activity import Hour

_GAP = 3.0


class Column(Struct, frozen=True, kw_only=True):
    """One hour's bar: its position, and the heights of its parts from the bottom up."""

    hour: Hour
    x: float
    width: float
    good: float
    calm: float
    bad: float


class Histogram(Struct, frozen=True, kw_only=True):
    """A day's bars, and the highest value of the axis."""

    columns: tuple[Column, ...]
    top: int
    begin_ms: int
    middle_ms: int
    end_ms: int


def histogram_of(hours: Sequence[Hour], *, now_ms: int) -> Histogram:
    """Return the histogram of these hours, oldest first."""
    top = round_up(max(hour.count for hour in hours))
    step = WIDTH / len(hours)
    return Histogram(
        columns=tuple(
            Column(
                hour=hour,
                x=round(index * step + _GAP / 2, 2),
                width=round(step - _GAP, 2),
                good=round(HEIGHT * hour.delivered / top, 2),
                calm=round(HEIGHT * hour.open / top, 2),
                bad=round(HEIGHT * hour.failed / top, 2),
            )
            for index, hour in enumerate(hours)
        ),
        top=top,
        begin_ms=hours[0].begin_ms,
        middle_ms=hours[len(hours) // 2].begin_ms,
        end_ms=now_ms,
    )
