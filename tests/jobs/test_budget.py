"""Budgets are charged for completed jobs, and a spent one refuses new jobs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ringback.clock import to_ms
from ringback.jobs.budget import (
    Budget,
    Period,
    charged,
    charged_all,
    day_of,
    first_spent,
    month_of,
    sums_of_usage,
)
from tests.builders import a_job


def at(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


def a_budget(**changes: object) -> Budget:
    known = {"workspace_id": "studio", "compute_units": 10.0, "period": Period.TOTAL}
    return Budget(**{**known, **changes})  # type: ignore[arg-type]


def test_months_and_days_begin_at_midnight_in_utc() -> None:
    assert month_of(0) == day_of(0) == 0
    assert month_of(at("2026-11-30T23:59:59")) + 1 == month_of(at("2026-12-01T00:00:00"))
    assert month_of(at("2026-12-31T23:59:59")) + 1 == month_of(at("2027-01-01T00:00:00"))
    assert day_of(at("2026-11-30T23:59:59")) + 1 == day_of(at("2026-12-01T00:00:00"))


def test_a_months_budget_begins_anew_with_the_next() -> None:
    november, december = at("2026-11-15T12:00:00"), at("2026-12-01T00:00:00")
    budget = charged(a_budget(period=Period.MONTH), compute_units=7, at_ms=november)
    assert (budget.spent_at(november), budget.spent_at(december)) == (7, 0)
    budget = charged(budget, compute_units=2, at_ms=december)
    assert (budget.spent_at(november), budget.spent_at(december)) == (0, 2)
    # A job of the last moment of the old month does not bring that month back.
    late = at("2026-11-30T23:59:59")
    assert charged(budget, compute_units=50, at_ms=late) == budget


def test_a_clock_that_was_years_ahead_leaves_a_months_budget_in_force() -> None:
    ahead, now = at("2099-01-15T12:00:00"), at("2026-11-15T12:00:00")
    budget = charged(a_budget(period=Period.MONTH), compute_units=7, at_ms=ahead)
    budget = charged(budget, compute_units=6, at_ms=now)
    budget = charged(budget, compute_units=5, at_ms=now)
    assert budget.spent_at(now) == 11
    job = a_job(compute_units=1.0, created_at_ms=now)
    assert first_spent([budget], job) == budget


def test_a_total_counts_all_time() -> None:
    budget = charged(a_budget(), compute_units=7, at_ms=at("2026-11-15T12:00:00"))
    budget = charged(budget, compute_units=2, at_ms=at("2027-11-15T12:00:00"))
    assert budget.spent_at(at("2030-01-01T00:00:00")) == 9


@pytest.mark.parametrize(
    ("budget", "refuses"),
    [
        (a_budget(spent=9.99), False),
        (a_budget(spent=10), True),
        (a_budget(spent=10, token_id="t"), True),
        (a_budget(spent=10, token_id="other"), False),
        (a_budget(spent=10, workspace_id="rival"), False),
        (a_budget(compute_units=0), True),
    ],
)
def test_a_job_is_refused_by_a_budget_that_concerns_it_and_is_spent(
    budget: Budget, refuses: bool
) -> None:
    job = a_job(compute_units=3.0, token_id="t")
    assert first_spent([budget], job) == (budget if refuses else None)
    for free in (a_job(compute_units=0.0, token_id="t"), a_job(token_id="t")):
        assert first_spent([budget], free) is None


def test_completed_jobs_charge_the_budgets_that_concern_them() -> None:
    done = at("2026-11-15T12:00:00")
    jobs = [
        a_job(compute_units=2.0, completed_at_ms=done, token_id="t1"),
        a_job(compute_units=3.0, completed_at_ms=done, token_id="t2"),
        a_job(compute_units=None, completed_at_ms=done, token_id="t1"),
        a_job(compute_units=7.0, completed_at_ms=done, workspace_id="rival"),
    ]
    whole, one_token, untouched = a_budget(), a_budget(token_id="t1"), a_budget(token_id="t9")
    changed = charged_all([whole, one_token, untouched], jobs)
    assert [(budget.token_id, budget.spent) for budget in changed] == [("", 5.0), ("t1", 2.0)]


def test_usage_is_summed_by_day_token_and_model_in_one_order() -> None:
    first, second = at("2026-11-15T12:00:00"), at("2026-11-16T12:00:00")
    jobs = [
        a_job(compute_units=2.0, completed_at_ms=second),
        a_job(compute_units=None, completed_at_ms=first),
        a_job(compute_units=1.5, completed_at_ms=second),
    ]
    kind, model = "image", "bfl/flux-1-dev"
    assert sums_of_usage(jobs) == [
        ("studio", day_of(first), "", kind, model, 1, 0.0),
        ("studio", day_of(second), "", kind, model, 2, 3.5),
    ]
