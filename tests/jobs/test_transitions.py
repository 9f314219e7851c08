"""The table of statuses, tried as a full product and as random lives."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ringback.errors import IllegalTransition
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.transitions import HELD, MARKS_MAX, TRANSITIONS, JobEvent, advance
from tests.builders import a_job

EVENTS = st.lists(st.sampled_from(JobEvent), max_size=30)


@pytest.mark.parametrize(("status", "event"), list(product(JobStatus, JobEvent)))
def test_an_event_leads_where_the_table_says_or_raises(status: JobStatus, event: JobEvent) -> None:
    job = a_job(status=status)
    expected = TRANSITIONS[status].get(event)
    if expected is None:
        with pytest.raises(IllegalTransition):
            advance(job, event, now_ms=job.created_at_ms)
    else:
        assert advance(job, event, now_ms=job.created_at_ms).status is expected


@pytest.mark.parametrize("status", list(JobStatus))
def test_terminal_statuses_have_no_transition(status: JobStatus) -> None:
    assert status.is_terminal == (not TRANSITIONS[status])


@pytest.mark.parametrize("status", [status for status in JobStatus if not status.is_terminal])
def test_every_pending_job_can_be_cancelled_and_can_fail(status: JobStatus) -> None:
    assert TRANSITIONS[status][JobEvent.CANCEL] is JobStatus.CANCELLED
    assert TRANSITIONS[status][JobEvent.FAIL] is JobStatus.FAILED


def test_only_held_jobs_complete_and_can_be_rescued() -> None:
    completing = {status for status, ways in TRANSITIONS.items() if JobEvent.COMPLETE in ways}
    assert completing == HELD


def live(job: Job, events: list[JobEvent]) -> list[Job]:
    """Return the job after each event that its status allowed."""
    lives = [job]
    for step, event in enumerate(events):
        try:
            lives.append(advance(lives[-1], event, now_ms=job.created_at_ms + step))
        except IllegalTransition:
            continue
    return lives


@given(EVENTS)
def test_no_sequence_of_events_leaves_the_table_or_ends_a_job_twice(events: list[JobEvent]) -> None:
    lives = live(a_job(status=JobStatus.BACKLOGGED), events)
    for before, after in pairwise(lives):
        assert after.status in TRANSITIONS[before.status].values()
        assert not before.status.is_terminal
    assert sum(job.status.is_terminal for job in lives) <= 1


@given(EVENTS)
def test_an_end_time_and_a_result_come_with_the_end_and_not_before(events: list[JobEvent]) -> None:
    for job in live(a_job(), events):
        assert (job.completed_at_ms is not None) == job.status.is_terminal
        assert job.result is not None or not job.status.is_terminal


@given(st.lists(st.floats(0, 1), max_size=20))
def test_progress_never_goes_backwards(fractions: list[float]) -> None:
    job = a_job(status=JobStatus.PROCESSING)
    for fraction in fractions:
        after = advance(job, JobEvent.SAMPLE, now_ms=1, progress=fraction)
        assert job.progress <= after.progress <= 1
        job = after


def test_a_job_starts_anew_and_only_its_own_process_s_death_is_counted() -> None:
    job = a_job(status=JobStatus.INTERMEDIATE_COMPLETE, progress=0.6, result=JobResult(urls=("x",)))
    rescued = advance(job, JobEvent.RESCUE, now_ms=1)
    assert (rescued.status, rescued.progress, rescued.result) == (JobStatus.QUEUED, 0.0, None)
    assert rescued.deaths == 0
    assert advance(job, JobEvent.RELEASE, now_ms=1).deaths == 0
    assert advance(job, JobEvent.DIE, now_ms=1) == replace(rescued, deaths=1)


def test_a_clock_that_stepped_back_does_not_end_a_job_before_its_beginning() -> None:
    job = a_job(status=JobStatus.PROCESSING, created_at_ms=1_000)
    assert advance(job, JobEvent.COMPLETE, now_ms=10).completed_at_ms == 1_000


def test_a_job_remembers_when_each_of_its_statuses_began() -> None:
    job = a_job(status=JobStatus.SCHEDULED)

    for now_ms, event in enumerate(
        (JobEvent.START, JobEvent.SAMPLE, JobEvent.SAMPLE, JobEvent.COMPLETE), start=1
    ):
        job = advance(job, event, now_ms=now_ms)

    assert job.marks == (("processing", 1), ("sampling", 2), ("completed", 4))


def test_a_job_that_never_ends_remembers_only_its_latest_statuses() -> None:
    job = a_job(status=JobStatus.SCHEDULED)

    for now_ms in range(100):
        running = advance(replace(job, status=JobStatus.SCHEDULED), JobEvent.START, now_ms=now_ms)
        job = advance(running, JobEvent.RELEASE, now_ms=now_ms)

    assert len(job.marks) == MARKS_MAX
    assert job.marks[-1] == ("queued", 99)
