"""A job's life drawn to scale: its statuses, then every attempt to tell of its end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct

from ringback.jobs.model import Job
from ringback.webhooks.model import Attempt

WIDTH = 1_000.0
GAP_MS_MAX = 60_000
"""A wait longer than this is drawn as a break, so that what happens around it can be seen."""

_BREAK = 40.0
_LEAST = 3.0


class Bar(Struct, frozen=True, kw_only=True):
    """A stretch of time on one line: its place and its width of 1,000."""

    name: str
    x: float
    width: float
    ms: float


class Line(Struct, frozen=True, kw_only=True):
    """One line of the drawing: the job itself, or one attempt of a delivery."""

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
    """A time since the beginning, and where it is."""

    x: float
    ms: float


class Timeline(Struct, frozen=True, kw_only=True):
    """The whole drawing."""

    lines: tuple[Line, ...]
    attempts: tuple[Line, ...]  # each on a scale of its own: most are over in a moment
    breaks: tuple[Break, ...]
    ticks: tuple[Tick, ...]
    total_ms: float


class _Scale:
    """Where a time is drawn; long stretches in which nothing happens take little room."""

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
        place, since = 0.0, self.start
        for begin, end in self.gaps:
            if at_ms <= begin:
                break
            place += (begin - since) * self._per_ms
            if at_ms < end:
                return place + _BREAK * (at_ms - begin) / (end - begin)
            place += _BREAK
            since = end
        return place + (at_ms - since) * self._per_ms

    def bar(self, name: str, begin: float, end: float) -> Bar:
        x = min(self.x(begin), WIDTH - _LEAST)  # what is over in a moment is seen at the end too
        width = max(_LEAST, self.x(end) - x)
        return Bar(name=name, x=round(x, 2), width=round(width, 2), ms=round(end - begin, 3))


def timeline_of(job: Job, attempts: Sequence[tuple[str, Attempt]], *, now_ms: int) -> Timeline:
    """Return the drawing of a job and of the attempts, each with its delivery's id."""
    stages = _stages(job, now_ms)
    spans = [(begin, end) for _, begin, end in stages]
    spans += [_span(attempt) for _, attempt in attempts]
    scale = _Scale(spans)
    begin, end = stages[0][1], stages[-1][2]
    lines = [_line(scale, "job", [*stages], begin, end)]
    ordered = sorted(attempts, key=lambda one: one[1].started_at_ms)
    for delivery_id, attempt in ordered:
        start, stop = _span(attempt)
        lines.append(_line(scale, "attempt", _parts(attempt), start, stop, attempt, delivery_id))
    return Timeline(
        lines=tuple(lines),
        attempts=tuple(_zoomed(*one) for one in ordered),
        breaks=tuple(Break(x=round(scale.x(a), 2), width=_BREAK, ms=b - a) for a, b in scale.gaps),
        ticks=tuple(_ticks(scale)),
        total_ms=scale.end - scale.start,
    )


def _stages(job: Job, now_ms: int) -> list[tuple[str, float, float]]:
    """Return the statuses that took time, each with its beginning and its end."""
    last = (
        job.completed_at_ms if job.completed_at_ms is not None else max(now_ms, job.created_at_ms)
    )
    first = "queued" if job.marks or job.status.is_terminal else job.status.value
    marks = [(first, job.created_at_ms), *job.marks]
    stages: list[tuple[str, float, float]] = []
    for place, (name, begin) in enumerate(marks):
        end = marks[place + 1][1] if place + 1 < len(marks) else last
        begin, end = min(begin, last), min(max(begin, end), last)
        if end > begin or not stages:
            stages.append((name, begin, end))
    return stages


def _parts(attempt: Attempt) -> list[tuple[str, float, float]]:
    """Return an attempt's parts one after the other: DNS, connect, TLS, wait, and the rest."""
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
        # Without a first byte, the rest was waited for an answer that did not come.
        parts.append(("read" if attempt.first_byte_ms else "wait", at, end))
    return parts or [("wait", at, at)]


def _span(attempt: Attempt) -> tuple[float, float]:
    parts = _parts(attempt)
    return parts[0][1], max(parts[-1][2], float(attempt.started_at_ms + attempt.duration_ms))


def _line(
    scale: _Scale,
    kind: str,
    parts: Sequence[tuple[str, float, float]],
    begin: float,
    end: float,
    attempt: Attempt | None = None,
    delivery_id: str | None = None,
) -> Line:
    whole = scale.bar(kind, begin, end)
    return Line(
        kind=kind,
        bars=tuple(scale.bar(*part) for part in parts),
        x=whole.x,
        width=whole.width,
        ms=whole.ms,
        attempt=attempt,
        delivery_id=delivery_id,
    )


def _zoomed(delivery_id: str, attempt: Attempt) -> Line:
    start, stop = _span(attempt)
    scale = _Scale([(start, stop)])
    return _line(scale, "attempt", _parts(attempt), start, stop, attempt, delivery_id)


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def _ticks(scale: _Scale) -> Iterable[Tick]:
    """Yield about five round times, at places that are drawn to scale."""
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
