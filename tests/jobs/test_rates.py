"""How fast a workspace may submit: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.jobs.admission import Limits, paid_until_ms, rate_wait_s

NOW_MS = 1_700_000_000_000


def accepted_of(limits: Limits, asked_at_ms: list[int]) -> list[int]:
    """Return when submissions were accepted, of those that came then."""
    paid, accepted = 0.0, []
    for now_ms in asked_at_ms:
        if rate_wait_s(limits, paid_until_ms=paid, now_ms=now_ms) <= 0:
            paid = paid_until_ms(limits, paid_until_ms=paid, now_ms=now_ms)
            accepted.append(now_ms)
    return accepted


def test_a_seconds_worth_may_come_at_once_and_then_one_at_a_time() -> None:
    limits = Limits(rate=5)
    assert len(accepted_of(limits, [NOW_MS] * 20)) == 5
    assert len(accepted_of(limits, [NOW_MS] * 20 + [NOW_MS + 200] * 3)) == 6


def test_a_rate_below_one_a_second_lets_one_go_and_says_how_long_to_wait() -> None:
    limits = Limits(rate=0.1)
    assert rate_wait_s(limits, paid_until_ms=0, now_ms=NOW_MS) <= 0
    paid = paid_until_ms(limits, paid_until_ms=0, now_ms=NOW_MS)
    assert rate_wait_s(limits, paid_until_ms=paid, now_ms=NOW_MS) == pytest.approx(10)
    assert rate_wait_s(limits, paid_until_ms=paid, now_ms=NOW_MS + 10_000) <= 0


@given(
    rate=st.floats(0.5, 500),
    gaps=st.lists(st.integers(0, 500), min_size=1, max_size=200),
)
def test_no_more_than_the_rate_and_a_seconds_worth_are_ever_accepted(
    rate: float, gaps: list[int]
) -> None:
    times, now_ms = [], NOW_MS
    for gap in gaps:
        now_ms += gap
        times.append(now_ms)
    accepted = accepted_of(Limits(rate=rate), times)
    assert accepted[0] == times[0]
    span_s = (accepted[-1] - accepted[0]) / 1000
    assert len(accepted) <= max(1, rate) + rate * span_s + 1


@given(wait_ms=st.integers(0, 5000), rate=st.floats(0.2, 100))
def test_a_submission_after_the_stated_wait_is_accepted(wait_ms: int, rate: float) -> None:
    limits, paid = Limits(rate=rate), 0.0
    while (wait_s := rate_wait_s(limits, paid_until_ms=paid, now_ms=NOW_MS)) <= 0:
        paid = paid_until_ms(limits, paid_until_ms=paid, now_ms=NOW_MS)
    later_ms = NOW_MS + round(wait_s * 1000 + 0.5) + wait_ms
    assert rate_wait_s(limits, paid_until_ms=paid, now_ms=later_ms) <= 0


@given(ahead_ms=st.integers(0, 10**12), rate=st.floats(0.2, 100))
def test_a_clock_that_was_years_ahead_delays_no_submission(ahead_ms: int, rate: float) -> None:
    limits = Limits(rate=rate)
    paid = paid_until_ms(limits, paid_until_ms=0, now_ms=NOW_MS + ahead_ms)
    wait_s = rate_wait_s(limits, paid_until_ms=paid, now_ms=NOW_MS)
    assert wait_s <= 1 / rate
    later_ms = NOW_MS + round(max(0.0, wait_s) * 1000 + 0.5)
    paid = paid_until_ms(limits, paid_until_ms=paid, now_ms=later_ms)
    assert paid <= later_ms + 1000 + 2000 / rate
