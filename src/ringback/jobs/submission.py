"""Decides a submission: pure, called by the transaction that writes the job."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from msgspec.structs import replace

from ringback.errors import BacklogFull, IdempotencyConflict, RateLimited, RingbackError
from ringback.jobs.admission import admit, rate_wait_s
from ringback.jobs.budget import Budget, refusal_of
from ringback.jobs.model import Job
from ringback.jobs.store import Accepted, Submission

_RETRY_AFTER_S = 5


class UsedKey(NamedTuple):
    """An idempotency key that was used before, with the fingerprint and the job of that request."""

    fingerprint: str
    job: Job


def decide_submission(
    submission: Submission,
    *,
    used: UsedKey | None,
    budgets: Sequence[Budget],
    paid_until_ms: float,
    active: int,
    backlogged: int,
) -> Accepted | RingbackError:
    """Return the accepted job with its first status, or the error that refuses the submission.

    A repeated request returns the job that it made before, even when the workspace is full by now.
    """
    job, limits = submission.job, submission.limits
    if used is not None and submission.idempotency is not None:
        if used.fingerprint != submission.idempotency.fingerprint:
            return IdempotencyConflict()
        return Accepted(job=used.job, replayed=True)
    if budgets and (spent := refusal_of(budgets, job)) is not None:
        return spent
    wait_s = rate_wait_s(limits, paid_until_ms=paid_until_ms, now_ms=job.created_at_ms)
    if wait_s > 0:
        return RateLimited(limits.rate, retry_after_s=ceil(wait_s))
    status = admit(limits, active=active, backlogged=backlogged)
    if status is None:
        return BacklogFull(limits.backlog_max, retry_after_s=_RETRY_AFTER_S)
    return Accepted(job=job if job.status is status else replace(job, status=status))
