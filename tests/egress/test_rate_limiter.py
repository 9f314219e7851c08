"""A rate holds in every second, and is not much less than it might be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.rate_limiter import RateLimiter

rates = st.one_of(st.integers(1, 40), st.integers(41, 3_000))
waits = st.lists(st.floats(0, 0.4), max_size=30)


def takings(rate: float, pauses: list[float]) -> list[float]:
    """Take as fast as the pace allows, with these pauses in between; return when."""
    pace, now, times = RateLimiter(rate), 100.0, []
    for pause in [*pauses, 0.0, 0.0]:
        now += pause
        for _ in range(40):
            now += pace.wait_s(now)
            pace.take(now)
            times.append(now)
    return times


@given(rates, waits)
def test_no_second_has_more_than_the_rate(rate: int, pauses: list[float]) -> None:
    times = takings(rate, pauses)
    last = 0
    for first, at in enumerate(times):
        while last < len(times) and times[last] < at + 1 - 1e-9:
            last += 1
        assert last - first <= rate


@pytest.mark.parametrize("rate", [1, 5, 50, 1_000])
def test_the_rate_is_nearly_reached(rate: int) -> None:
    pace, now, count = RateLimiter(rate), 0.0, 0
    while now < 20:
        now += pace.wait_s(now)
        pace.take(now)
        count += 1
    assert 0.85 * rate * 20 <= count <= rate * 20 + 2


def test_no_rate_is_no_limit() -> None:
    pace = RateLimiter(0)
    for _ in range(10_000):
        assert pace.wait_s(1.0) == 0
        pace.take(1.0)
