"""How a destination fares, drawn: success and latency over time, from its latest attempts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ringback.webhooks.model import Attempt

WIDTH, HEIGHT = 600.0, 120.0
_BUCKETS = 24


class Bucket(Struct, frozen=True, kw_only=True):
    """A stretch of time: how many attempts, how many of them went well, and how long they took."""

    x: float
    width: float
    begin_ms: int
    count: int
    good: int
    p50_ms: float
    p95_ms: float
    good_height: float
    bad_height: float


class Plots(Struct, frozen=True, kw_only=True):
    """Everything that is drawn of a destination."""

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
    p50_line: str
    p95_line: str

    @property
    def rate(self) -> float:
        """Return the share of attempts that went well."""
        return self.good / self.count if self.count else 0.0


def plots_of(attempts: Iterable[Attempt]) -> Plots | None:
    """Return the drawing of some attempts, or None of none."""
    made = sorted(attempts, key=lambda one: one.started_at_ms)
    if not made:
        return None
    begin, end = made[0].started_at_ms, made[-1].started_at_ms + 1
    step = max(1.0, (end - begin) / _BUCKETS)
    groups: list[list[Attempt]] = [[] for _ in range(_BUCKETS)]
    for one in made:
        groups[min(_BUCKETS - 1, int((one.started_at_ms - begin) / step))].append(one)
    count_max = max(len(group) for group in groups)
    buckets = tuple(
        _bucket(place, group, begin=begin + place * step, count_max=count_max)
        for place, group in enumerate(groups)
        if group
    )
    latency_max = max(bucket.p95_ms for bucket in buckets) or 1.0
    durations = sorted(one.duration_ms for one in made)
    return Plots(
        count=len(made),
        good=sum(map(_is_good, made)),
        p50_ms=percentile(durations, 0.5),
        p95_ms=percentile(durations, 0.95),
        p99_ms=percentile(durations, 0.99),
        begin_ms=begin,
        end_ms=end,
        buckets=buckets,
        count_max=count_max,
        latency_max_ms=latency_max,
        p50_line=_line(((b, b.p50_ms) for b in buckets), latency_max),
        p95_line=_line(((b, b.p95_ms) for b in buckets), latency_max),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which that share of ordered values lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _bucket(place: int, group: Sequence[Attempt], *, begin: float, count_max: int) -> Bucket:
    width = WIDTH / _BUCKETS
    durations = sorted(one.duration_ms for one in group)
    good = sum(map(_is_good, group))
    return Bucket(
        x=round(place * width, 2),
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


def _line(points: Iterable[tuple[Bucket, float]], latency_max: float) -> str:
    return " ".join(
        f"{bucket.x + bucket.width / 2:.1f},{HEIGHT - HEIGHT * ms / latency_max:.1f}"
        for bucket, ms in points
    )
