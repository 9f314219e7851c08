"""When to try a delivery again, as data and one pure function."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_MINUTE = 60.0
_HOUR = 60 * _MINUTE

# The delay before each attempt, the first included: ten attempts within about 76 hours.
SCHEDULE_S: tuple[float, ...] = (
    0.0,
    5.0,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)

# For development: a receiver that was restarted is called again within seconds.
QUICK_SCHEDULE_S: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0)

SCHEDULES = {"standard": SCHEDULE_S, "quick": QUICK_SCHEDULE_S}
"""The schedules that settings call by a name."""

JITTER = 0.2  # of each delay, both ways; ``horizon_s`` and ``is_over`` count with it too
RETRY_AFTER_S_MAX = 24 * _HOUR


def next_attempt_delay_s(
    attempt_number_done: int,
    *,
    schedule: Sequence[float] = SCHEDULE_S,
    rng: Random,
    retry_after_s: float | None = None,
) -> float | None:
    """Return how long to wait after that attempt (0: before the first), or None to give up."""
    assert attempt_number_done >= 0
    if attempt_number_done >= len(schedule):
        return None
    # Spread, so that a receiver that comes back is not hit by everyone at once.
    delay_s = schedule[attempt_number_done] * rng.uniform(1 - JITTER, 1 + JITTER)
    if retry_after_s is None:
        return delay_s
    return max(delay_s, min(retry_after_s, RETRY_AFTER_S_MAX))


def horizon_s(schedule: Sequence[float]) -> float:
    """Return how long after a round's beginning its last attempt may be due, jitter included."""
    return sum(schedule) * (1 + JITTER)


def is_over(schedule: Sequence[float], *, attempts_count: int, waited_ms: int) -> bool:
    """Say whether a round has lasted longer than its schedule, and may take no more attempts.

    That happens to deliveries whose destination was paused, so that their attempts came late. For
    each attempt a day is left on top, because receivers may ask to be left alone that long.
    """
    most_s = horizon_s(schedule) + attempts_count * RETRY_AFTER_S_MAX
    return waited_ms > 1000 * most_s
