"""The timeline of a job, drawn to scale."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringback.dashboard.presenters.timeline import WIDTH, timeline_of
from ringback.jobs.model import JobStatus
from ringback.webhooks.model import Attempt
from tests.builders import a_job

MARKS = (("scheduled", 2_000), ("processing", 2_100), ("sampling", 4_000), ("completed", 10_000))


def an_attempt(started_at_ms: int, duration_ms: int = 100, number: int = 1) -> Attempt:
    return Attempt(
        number=number,
        started_at_ms=started_at_ms,
        duration_ms=duration_ms,
        dns_ms=10.0,
        connect_ms=20.0,
        tls_ms=30.0,
        first_byte_ms=35.0,
        status_code=204,
    )


def test_each_status_is_as_wide_as_it_was_long() -> None:
    job = a_job(created_at_ms=0, completed_at_ms=10_000, status=JobStatus.COMPLETED, marks=MARKS)
    (row,) = timeline_of(job, [], now_ms=99_999).rows

    assert [(bar.name, bar.x, bar.width) for bar in row.bars] == [
        ("queued", 0, 200),
        ("scheduled", 200, 10),
        ("processing", 210, 190),
        ("sampling", 400, 600),
    ]


def test_an_attempt_has_its_parts_and_a_scale_of_its_own() -> None:
    job = a_job(created_at_ms=0, completed_at_ms=10_000, status=JobStatus.COMPLETED, marks=MARKS)
    drawn = timeline_of(job, [("d", an_attempt(10_000))], now_ms=0)

    (alone,) = drawn.attempts
    assert [(bar.name, bar.x, bar.width) for bar in alone.bars] == [
        ("dns", 0, 100),
        ("connect", 100, 200),
        ("tls", 300, 300),
        ("wait", 600, 350),
        ("read", 950, 50),
    ]
    assert drawn.rows[1].x >= drawn.rows[0].x + drawn.rows[0].width - 10


def test_a_long_wait_is_drawn_as_a_break() -> None:
    job = a_job(created_at_ms=0, completed_at_ms=10_000, status=JobStatus.COMPLETED, marks=MARKS)
    days = 3 * 86_400_000
    drawn = timeline_of(job, [("d", an_attempt(10_000)), ("d", an_attempt(days))], now_ms=0)

    (gap,) = drawn.breaks
    assert gap.ms == days - 10_100
    assert drawn.rows[0].width > 900


def test_a_job_of_an_earlier_version_shows_one_stretch() -> None:
    job = a_job(created_at_ms=0, completed_at_ms=5_000, status=JobStatus.FAILED)
    (row,) = timeline_of(job, [], now_ms=0).rows
    assert [(bar.name, bar.ms) for bar in row.bars] == [("queued", 5_000)]


@given(
    marks=st.lists(st.tuples(st.sampled_from(JobStatus), st.integers(-5, 10**12)), max_size=8),
    attempts=st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**6)), max_size=6),
    now_ms=st.integers(0, 10**12),
)
def test_everything_is_drawn_inside_the_page_even_after_clock_jumps(
    marks: list[tuple[JobStatus, int]], attempts: list[tuple[int, int]], now_ms: int
) -> None:
    job = a_job(
        created_at_ms=0,
        status=JobStatus.PROCESSING,
        marks=tuple((status.value, at_ms) for status, at_ms in marks),
    )
    made = [("d", an_attempt(at, took)) for at, took in attempts]

    drawn = timeline_of(job, made, now_ms=now_ms)

    for row in (*drawn.rows, *drawn.attempts):
        for bar in row.bars:
            assert 0 <= bar.x <= WIDTH
            assert bar.width > 0
            assert bar.x + bar.width <= WIDTH + 3.1
    assert len(drawn.rows) == 1 + len(attempts)
    assert len(drawn.ticks) <= 13
