"""The timeline of a job, drawn to scale: its statuses, then every delivery attempt. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct, structs

from ringback.dashboard.rendering import duration
from ringback.jobs.model import Job
from ringback.webhooks.model import Attempt

WIDTH = 1_000.0
GAP_MS_MAX = 60_000
"""A longer wait is drawn as a break, so that the events around it stay visible."""

_BREAK = 40.0
_LEAST = 3.0
_LETTER = 7.5  # a letter of a label is at most that wide
_LABEL_GAP = 4.0


class Bar(Struct, frozen=True, kw_only=True):
    """An interval in a row: its position and its width, of 1,000."""

    name: str
    x: float
    width: float
    ms: float


class Row(Struct, frozen=True, kw_only=True):
    """One row of the timeline: the job itself, or one attempt of a delivery."""

    kind: str  # "job" or "attempt"
    bars: tuple[Bar, ...]
    x: float
    width: float
    ms: float
    attempt: Attempt | None = None
    delivery_id: str | None = None


class Break(Struct, frozen=True, kw_only=True):
    """A wait that is not drawn to scale."""

    x: float
    width: float
    ms: float


class Tick(Struct, frozen=True, kw_only=True):
    """A time since the beginning, its position, and its label if there is room for one."""

    x: float
    ms: float
    label: str = ""
    label_x: float = 0.0
    anchor: str = "start"  # "end": the label stands to the left of its position


class Timeline(Struct, frozen=True, kw_only=True):
    """A job's timeline, ready to draw."""

    rows: tuple[Row, ...]
    attempts: tuple[Row, ...]  # each on its own scale, because most are short
    breaks: tuple[Break, ...]
    ticks: tuple[Tick, ...]
    total_ms: float


class _Scale:
    """Maps times to positions; long waits take little width."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        busy = _joined(sorted(spans))
        self.gaps = [
            (end, begin) for (_, end), (begin, _) in pairwise(busy) if begin - end > GAP_MS_MAX
        ]
        self.start, self.end = busy[0][0], busy[-1][1]
        drawn_ms = self.end - self.start - sum(b - a for a, b in self.gaps)
        room = WIDTH - _BREAK * len(self.gaps)
        self._per_ms = room / drawn_ms if drawn_ms > 0 else 0.0

    def x(self, at_ms: float) -> float:
        x, since = 0.0, self.start
        for begin, end in self.gaps:
            if at_ms <= begin:
                break
            x += (begin - since) * self._per_ms
            if at_ms < end:
                return x + _BREAK * (at_ms - begin) / (end - begin)
            x += _BREAK
            since = end
        return x + (at_ms - since) * self._per_ms

    def bar(self, name: str, begin: float, end: float) -> Bar:
        x = min(self.x(begin), WIDTH - _LEAST)  # even at the end, a short bar is visible
        width = max(_LEAST, self.x(end) - x)
        return Bar(name=name, x=round(x, 2), width=round(width, 2), ms=round(end - begin, 3))


def timeline_of(job: Job, attempts: Sequence[tuple[str, Attempt]], *, now_ms: int) -> Timeline:
    """Return the timeline of a job and of the attempts, each given with its delivery's id."""
    stages = _stages(job, now_ms)
    spans = [(begin, end) for _, begin, end in stages]
    spans += [_span(attempt) for _, attempt in attempts]
    scale = _Scale(spans)
    begin, end = stages[0][1], stages[-1][2]
    rows = [_row(scale, "job", [*stages], begin, end)]
    ordered = sorted(attempts, key=lambda one: one[1].started_at_ms)
    for delivery_id, attempt in ordered:
        start, stop = _span(attempt)
        rows.append(_row(scale, "attempt", _parts(attempt), start, stop, attempt, delivery_id))
    return Timeline(
        rows=tuple(rows),
        attempts=tuple(_zoomed(*one) for one in ordered),
        breaks=tuple(Break(x=round(scale.x(a), 2), width=_BREAK, ms=b - a) for a, b in scale.gaps),
        ticks=tuple(_labelled(_ticks(scale))),
        total_ms=scale.end - scale.start,
    )


def _stages(job: Job, now_ms: int) -> list[tuple[str, float, float]]:
    """Return the statuses with a duration, each with its beginning and its end."""
    last = (
        job.completed_at_ms if job.completed_at_ms is not None else max(now_ms, job.created_at_ms)
    )
    first = "queued" if job.marks or job.status.is_terminal else job.status.value
    marks = [(first, job.created_at_ms), *job.marks]
    stages: list[tuple[str, float, float]] = []
    for index, (name, begin) in enumerate(marks):
        end = marks[index + 1][1] if index + 1 < len(marks) else last
        begin, end = min(begin, last), min(max(begin, end), last)
        if end > begin or not stages:
            stages.append((name, begin, end))
    return stages


def _parts(attempt: Attempt) -> list[tuple[str, float, float]]:
    """Return an attempt's phases in order: DNS, connect, TLS, wait, and the rest."""
    parts: list[tuple[str, float, float]] = []
    at, end = float(attempt.started_at_ms), float(attempt.started_at_ms + attempt.duration_ms)
    for name, ms in (
        ("dns", attempt.dns_ms),
        ("connect", attempt.connect_ms),
        ("tls", attempt.tls_ms),
        ("wait", attempt.first_byte_ms),
    ):
        if ms:
            parts.append((name, at, at + ms))
            at += ms
    if end > at:
        # Without a first byte, the rest of the time was spent waiting for a response.
        parts.append(("read" if attempt.first_byte_ms else "wait", at, end))
    return parts or [("wait", at, at)]


def _span(attempt: Attempt) -> tuple[float, float]:
    parts = _parts(attempt)
    return parts[0][1], max(parts[-1][2], float(attempt.started_at_ms + attempt.duration_ms))


def _row(
    scale: _Scale,
    kind: str,
    parts: Sequence[tuple[str, float, float]],
    begin: float,
    end: float,
    attempt: Attempt | None = None,
    delivery_id: str | None = None,
) -> Row:
    whole = scale.bar(kind, begin, end)
    return Row(
        kind=kind,
        bars=tuple(scale.bar(*part) for part in parts),
        x=whole.x,
        width=whole.width,
        ms=whole.ms,
        attempt=attempt,
        delivery_id=delivery_id,
    )


def _zoomed(delivery_id: str, attempt: Attempt) -> Row:
    start, stop = _span(attempt)
    scale = _Scale([(start, stop)])
    return _row(scale, "attempt", _parts(attempt), start, stop, attempt, delivery_id)


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def _labelled(ticks: Iterable[Tick]) -> Iterator[Tick]:
    """Yield the ticks with labels that neither leave the drawing nor meet each other."""
    free_from = 0.0
    for tick in ticks:
        label = duration(tick.ms)
        width = _LETTER * len(label)
        is_at_end = tick.x + _LABEL_GAP + width > WIDTH
        left = tick.x - _LABEL_GAP - width if is_at_end else tick.x + _LABEL_GAP
        if left < free_from:
            yield tick
            continue
        free_from = left + width + _LABEL_GAP
        label_x = round(left + width if is_at_end else left, 2)
        anchor = "end" if is_at_end else "start"
        yield structs.replace(tick, label=label, label_x=label_x, anchor=anchor)


def _ticks(scale: _Scale) -> Iterable[Tick]:
    """Yield about five round times, at positions that are to scale."""
    total = scale.end - scale.start
    step = next((s for s in _STEPS_MS if total / s <= 6), _STEPS_MS[-1])
    if scale.gaps:
        for end in (scale.start, *(end for _, end in scale.gaps)):
            yield Tick(x=round(scale.x(end), 2), ms=end - scale.start)
        return
    at = 0.0
    while at <= total and at / step <= 12:
        yield Tick(x=round(scale.x(scale.start + at), 2), ms=at)
        at += step


_STEPS_MS = (
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    60_000,
    120_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    7_200_000,
    21_600_000,
    86_400_000,
    604_800_000,
)
