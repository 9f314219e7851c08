"""Admission decides which jobs join the queue and which wait behind it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringback.jobs.admission import Limits, admit, promotable
from ringback.jobs.model import JobStatus

SMALL = Limits(active_max=2, backlog_max=3)


def test_jobs_are_queued_then_backlogged_then_refused() -> None:
    active = backlogged = 0
    statuses = []
    for _ in range(6):
        status = admit(SMALL, active=active, backlogged=backlogged)
        statuses.append(status)
        active += status is JobStatus.QUEUED
        backlogged += status is JobStatus.BACKLOGGED
    queued, waiting = JobStatus.QUEUED, JobStatus.BACKLOGGED
    assert statuses == [queued, queued, waiting, waiting, waiting, None]


def test_no_job_overtakes_a_backlogged_one() -> None:
    assert admit(SMALL, active=0, backlogged=1) is JobStatus.BACKLOGGED


@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, 5))
def test_promotion_fills_the_free_slots_and_no_more(
    active: int, backlogged: int, active_max: int
) -> None:
    count = promotable(Limits(active_max=active_max), active=active, backlogged=backlogged)
    assert 0 <= count <= backlogged
    assert count == 0 or active + count <= active_max
    assert count == backlogged or active + count >= active_max
