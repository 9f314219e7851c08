"""Submissions: which are accepted, which repeat another, and which error refuses the rest."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import (
    BacklogFull,
    BudgetSpent,
    IdempotencyConflict,
    RateLimited,
    RingbackError,
)
from ringback.jobs.admission import Limits
from ringback.jobs.budget import Budget, Period
from ringback.jobs.model import JobStatus
from ringback.jobs.store import Accepted, Submission
from ringback.jobs.submission import UsedKey, decide_submission
from tests.builders import a_job, a_submission

FULL = Limits(active_max=1, backlog_max=1)
SPENT = Budget(workspace_id="studio", compute_units=1.0, spent=1.0, period=Period.TOTAL)


def decide(submission: Submission, **changes: Any) -> Accepted | RingbackError:
    known: dict[str, Any] = {
        "used": None,
        "budgets": [],
        "paid_until_ms": 0.0,
        "active": 0,
        "backlogged": 0,
    }
    return decide_submission(submission, **{**known, **changes})


def test_a_first_submission_is_accepted_and_queued() -> None:
    decision = decide(a_submission())
    assert isinstance(decision, Accepted)
    assert decision.job.status is JobStatus.QUEUED
    assert not decision.replayed


def test_a_submission_beyond_the_active_limit_is_backlogged_and_then_refused() -> None:
    backlogged = decide(a_submission(limits=FULL), active=1)
    assert isinstance(backlogged, Accepted)
    assert backlogged.job.status is JobStatus.BACKLOGGED
    assert isinstance(decide(a_submission(limits=FULL), active=1, backlogged=1), BacklogFull)


def test_a_repeated_request_returns_its_job_even_when_nothing_else_is_accepted() -> None:
    original = a_job()
    repeated = a_submission(a_job(compute_units=1.0), limits=FULL, key="k", asks="a fox")
    decision = decide(
        repeated, used=UsedKey("a fox", original), budgets=[SPENT], active=1, backlogged=1
    )
    assert decision == Accepted(job=original, replayed=True)


def test_a_key_under_which_something_else_was_submitted_is_a_conflict() -> None:
    decision = decide(a_submission(key="k", asks="a fox"), used=UsedKey("a hen", a_job()))
    assert isinstance(decision, IdempotencyConflict)


def test_a_spent_budget_refuses_costly_jobs_alone() -> None:
    costly, free = a_job(compute_units=1.0), a_job()
    assert isinstance(decide(a_submission(costly), budgets=[SPENT]), BudgetSpent)
    assert isinstance(decide(a_submission(free), budgets=[SPENT]), Accepted)


def test_a_workspace_above_its_rate_is_refused_with_whole_seconds_to_wait() -> None:
    job = a_job()
    limits = Limits(rate=0.5)
    refused = decide(a_submission(job, limits=limits), paid_until_ms=job.created_at_ms + 1_500)
    assert isinstance(refused, RateLimited)
    assert refused.retry_after_s == 2
    unlimited = decide(a_submission(job), paid_until_ms=job.created_at_ms + 1_500)
    assert isinstance(unlimited, Accepted)


@given(
    active=st.integers(0, 4),
    backlogged=st.integers(0, 4),
    active_max=st.integers(1, 4),
    backlog_max=st.integers(0, 4),
)
def test_accepted_jobs_never_exceed_the_limits(
    active: int, backlogged: int, active_max: int, backlog_max: int
) -> None:
    limits = Limits(active_max=active_max, backlog_max=backlog_max)
    decision = decide(a_submission(limits=limits), active=active, backlogged=backlogged)
    if isinstance(decision, BacklogFull):
        assert backlogged >= backlog_max
    else:
        assert isinstance(decision, Accepted)
        is_queued = decision.job.status is JobStatus.QUEUED
        assert active < active_max if is_queued else backlogged < backlog_max
