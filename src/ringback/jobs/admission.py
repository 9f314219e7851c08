"""Whether a workspace has room for one more job: pure, and asked inside the store's transaction."""

from __future__ import annotations

from msgspec import Struct

from ringback.jobs.model import JobStatus


class Limits(Struct, frozen=True, kw_only=True):
    """How many jobs of one workspace may run, and how many more may wait behind them."""

    active_max: int = 4
    backlog_max: int = 1000


def admit(limits: Limits, *, active: int, backlogged: int) -> JobStatus | None:
    """Return the status in which a new job begins, or None when the workspace is full.

    Nobody overtakes: while anything is backlogged, a new job is too.
    """
    if active < limits.active_max and backlogged == 0:
        return JobStatus.QUEUED
    if backlogged < limits.backlog_max:
        return JobStatus.BACKLOGGED
    return None


def promotable(limits: Limits, *, active: int, backlogged: int) -> int:
    """Return how many backlogged jobs may join the queue now."""
    return max(0, min(backlogged, limits.active_max - active))
