"""Whether a workspace has room for one more job: pure, and asked inside the store's transaction.

The rate is kept as one time for each workspace: until when what it submitted is paid for, at the
price of ``1 / rate`` seconds each. It may be a second's worth ahead of the clock.
"""

from __future__ import annotations

from msgspec import Struct

from ringback.jobs.model import JobStatus

_ROUNDING_MS = 0.01  # a time in milliseconds since 1970 has no more digits than that


class Limits(Struct, frozen=True, kw_only=True):
    """How many jobs of one workspace may run, and how many more may wait behind them."""

    active_max: int = 4
    backlog_max: int = 1000
    rate: float = 0.0  # submissions per second; 0 is no limit


def admit(limits: Limits, *, active: int, backlogged: int) -> JobStatus | None:
    """Return the status in which a new job begins, or None when the workspace is full.

    Nobody overtakes: while anything is backlogged, a new job is too.
    """
    if active < limits.active_max and backlogged == 0:
        return JobStatus.QUEUED
    if backlogged < limits.backlog_max:
        return JobStatus.BACKLOGGED
    return None


def may_start_step(limits: Limits, *, active: int, backlogged: int, beside: int) -> bool:
    """Say whether a run's next step may be queued, while so many of its steps have not ended.

    A run does no work itself: its first step stands in the place that the run was admitted to, so
    that a run can always go on, however small the limits are. Any other needs a free place, and
    overtakes nobody. So no more jobs work at once than the limits allow.
    """
    return beside == 0 or (active < limits.active_max and backlogged == 0)


def promotable(limits: Limits, *, active: int, backlogged: int) -> int:
    """Return how many backlogged jobs may join the queue now."""
    return max(0, min(backlogged, limits.active_max - active))


def rate_wait_s(limits: Limits, *, paid_until_ms: float, now_ms: int) -> float:
    """Return how long to wait before the next submission; not more than 0: it may be now."""
    paid_ms = _paid_ms(limits, paid_until_ms, now_ms)
    price_ms = 1000 / limits.rate
    return (paid_ms + price_ms - now_ms - _ahead_ms(limits) - _ROUNDING_MS) / 1000


def paid_until_ms(limits: Limits, *, paid_until_ms: float, now_ms: int) -> float:
    """Return until when a workspace has paid after one more submission."""
    return _paid_ms(limits, paid_until_ms, now_ms) + 1000 / limits.rate


def _ahead_ms(limits: Limits) -> float:
    """Return how far ahead of the clock may be paid."""
    # One is always allowed, however slow the rate is.
    return max(1000.0, 1000 / limits.rate)


def _paid_ms(limits: Limits, paid_until_ms: float, now_ms: int) -> float:
    """Return until when is paid; nobody waits for what a clock that was ahead has left behind."""
    return min(max(paid_until_ms, float(now_ms)), now_ms + _ahead_ms(limits))
