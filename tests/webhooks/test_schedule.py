"""The retry schedule: its length, its spread, and the floor that Retry-After sets."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.webhooks.schedule import RETRY_AFTER_S_MAX, SCHEDULE_S, next_attempt_delay_s

seeds = st.integers().map(Random)
attempts = st.integers(min_value=0, max_value=len(SCHEDULE_S) - 1)


def test_ten_attempts_over_about_three_days() -> None:
    assert len(SCHEDULE_S) == 10
    assert SCHEDULE_S[0] == 0
    assert sum(SCHEDULE_S) == pytest.approx(75.67 * 3600, rel=0.01)
    assert list(SCHEDULE_S) == sorted(SCHEDULE_S)


@given(attempts, seeds)
def test_a_delay_is_within_a_fifth_of_the_schedule(done: int, rng: Random) -> None:
    delay_s = next_attempt_delay_s(done, rng=rng)
    assert delay_s is not None
    assert SCHEDULE_S[done] * 0.8 <= delay_s <= SCHEDULE_S[done] * 1.2


def test_the_first_attempt_is_at_once_and_after_the_last_there_is_none() -> None:
    assert next_attempt_delay_s(0, rng=Random(1)) == 0
    assert next_attempt_delay_s(9, rng=Random(1)) is not None
    assert next_attempt_delay_s(10, rng=Random(1)) is None
    assert next_attempt_delay_s(11, rng=Random(1)) is None


def test_retry_after_does_not_lengthen_the_schedule() -> None:
    assert next_attempt_delay_s(10, rng=Random(1), retry_after_s=60) is None


@given(attempts, seeds, st.floats(min_value=0, allow_nan=False))
def test_retry_after_is_a_floor_of_at_most_a_day(
    done: int, rng: Random, retry_after_s: float
) -> None:
    delay_s = next_attempt_delay_s(done, rng=rng, retry_after_s=retry_after_s)
    assert delay_s is not None
    assert delay_s >= min(retry_after_s, RETRY_AFTER_S_MAX)
    assert delay_s <= max(SCHEDULE_S[done] * 1.2, RETRY_AFTER_S_MAX)


def test_another_schedule_can_be_given() -> None:
    assert next_attempt_delay_s(1, schedule=(0, 0), rng=Random(1)) == 0
    assert next_attempt_delay_s(2, schedule=(0, 0), rng=Random(1)) is None
