"""Charts of a destination's health: success and latency of its latest attempts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from math import ceil

from msgspec import Struct

from ringback.webhooks.model import Attempt

WIDTH, HEIGHT = 600.0, 120.0
_BUCKETS = 24


class Bucket(Struct, frozen=True, kw_only=True):
    """An interval: the count of its attempts, of the successful ones, and their durations."""

    x: float
    width: float
    begin_ms: int
    count: int
    good: int
    p50_ms: float
    p95_ms: float
    good_height: float
    bad_height: float


class Charts(Struct, frozen=True, kw_only=True):
    """The charts of a destination."""

    count: int
    good: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    begin_ms: int
    end_ms: int
    buckets: tuple[Bucket, ...]
    count_max: int
    latency_max_ms: float
    p50_polyline: str
    p95_polyline: str
    good_in_a_row: int  # the latest attempts, all successful

    @property
    def rate(self) -> float:
        """Return the share of successful attempts."""
        return self.good / self.count if self.count else 0.0

    @property
    def percent(self) -> str:
        """Return the share in percent; 100 only if every attempt succeeded, 0 only if none did."""
        return percent_of(self.good, self.count)


def charts_of(attempts: Iterable[Attempt]) -> Charts | None:
    """Return the charts of some attempts, or None without attempts."""
    ordered = sorted(attempts, key=lambda one: one.started_at_ms)
    if not ordered:
        return None
    begin, end = ordered[0].started_at_ms, ordered[-1].started_at_ms + 1
    step = max(1.0, (end - begin) / _BUCKETS)
    groups: list[list[Attempt]] = [[] for _ in range(_BUCKETS)]
    for one in ordered:
        groups[min(_BUCKETS - 1, int((one.started_at_ms - begin) / step))].append(one)
    count_max = max(len(group) for group in groups)
    buckets = tuple(
        _bucket(index, group, begin=begin + index * step, count_max=count_max)
        for index, group in enumerate(groups)
        if group
    )
    latency_max = float(round_up(ceil(max(bucket.p95_ms for bucket in buckets))))
    durations = sorted(one.duration_ms for one in ordered)
    return Charts(
        count=len(ordered),
        good=sum(map(_is_good, ordered)),
        p50_ms=percentile(durations, 0.5),
        p95_ms=percentile(durations, 0.95),
        p99_ms=percentile(durations, 0.99),
        begin_ms=begin,
        end_ms=end,
        buckets=buckets,
        count_max=count_max,
        latency_max_ms=latency_max,
        p50_polyline=_polyline(((b, b.p50_ms) for b in buckets), latency_max),
        p95_polyline=_polyline(((b, b.p95_ms) for b in buckets), latency_max),
        good_in_a_row=sum(1 for _ in takewhile(_is_good, reversed(ordered))),
    )


def round_up(count: int) -> int:
    """Return the next number that reads well at an axis: 2, 4, 6, 10, 20, 40, 60, 100 …"""
    scale = 1
    while True:
        for digit in (2, 4, 6, 10):
            if count <= digit * scale:
                return digit * scale
        scale *= 10


def percent_of(good: int, count: int) -> str:
    """Return a share in percent; 100 only for the whole, 0 only for nothing, – of nothing."""
    if not count:
        return "–"
    if good == count or not good:
        return "100 %" if good else "0 %"
    return f"{min(99, max(1, round(100 * good / count)))} %"


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of the ordered values lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _bucket(index: int, group: Sequence[Attempt], *, begin: float, count_max: int) -> Bucket:
    width = WIDTH / _BUCKETS
    durations = sorted(one.duration_ms for one in group)
    good = sum(map(_is_good, group))
    return Bucket(
        x=round(index * width, 2),
        width=round(width - 2, 2),
        begin_ms=int(begin),
        count=len(group),
        good=good,
        p50_ms=percentile(durations, 0.5),
        p95_ms=percentile(durations, 0.95),
        good_height=round(HEIGHT * good / count_max, 2),
        bad_height=round(HEIGHT * (len(group) - good) / count_max, 2),
    )


def _is_good(attempt: Attempt) -> bool:
    return attempt.reason is None


def _polyline(points: Iterable[tuple[Bucket, float]], latency_max: float) -> str:
    return " ".join(
        f"{bucket.x + bucket.width / 2:.1f},{HEIGHT - HEIGHT * ms / latency_max:.1f}"
        for bucket, ms in points
    )
