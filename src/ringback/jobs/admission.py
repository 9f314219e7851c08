"""Admission of jobs by a workspace's limits and rate: pure, called inside the store's transaction.

The rate is stored as one time for each workspace: each submission costs ``1 / rate`` seconds, and
the time says until when they are paid for. It may be a second ahead of the clock.
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
    """Return the first status of a new job, or None when the workspace is full.

    No job overtakes another: while any is backlogged, a new job is too.
    """
    if active < limits.active_max and backlogged == 0:
        return JobStatus.QUEUED
    if backlogged < limits.backlog_max:
        return JobStatus.BACKLOGGED
    return None


def may_start_step(limits: Limits, *, active: int, backlogged: int, beside: int) -> bool:
    """Say whether a run's next step may be queued, while ``beside`` of its steps have not ended.

    A run does no work itself: its first step uses the slot that the run was admitted to, so that a
    run can always go on, however small the limits are. Any other step needs a free slot and
    overtakes no job. So no more jobs work at once than the limits allow.
    """
    return beside == 0 or (active < limits.active_max and backlogged == 0)


def promotable(limits: Limits, *, active: int, backlogged: int) -> int:
    """Return how many backlogged jobs may join the queue now."""
    return max(0, min(backlogged, limits.active_max - active))


def rate_wait_s(limits: Limits, *, paid_until_ms: float, now_ms: int) -> float:
    """Return how long to wait before the next submission; 0 or less allows it now."""
    if not limits.rate:
        return 0.0
    paid_ms = _paid_ms(limits, paid_until_ms, now_ms)
    price_ms = 1000 / limits.rate
    return (paid_ms + price_ms - now_ms - _ahead_ms(limits) - _ROUNDING_MS) / 1000


def paid_until_ms(limits: Limits, *, paid_until_ms: float, now_ms: int) -> float:
    """Return until when a workspace has paid after one more submission; a rate must be set."""
    return _paid_ms(limits, paid_until_ms, now_ms) + 1000 / limits.rate


def _ahead_ms(limits: Limits) -> float:
    """Return how far ahead of the clock a workspace may pay."""
    # One submission is always allowed, however slow the rate is.
    return max(1000.0, 1000 / limits.rate)


def _paid_ms(limits: Limits, paid_until_ms: float, now_ms: int) -> float:
    """Return until when the workspace has paid, without a remainder from a clock that was ahead."""
    return min(max(paid_until_ms, float(now_ms)), now_ms + _ahead_ms(limits))
