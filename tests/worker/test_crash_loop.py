"""A worker goes on after repeated crashes of its server, and no job is lost."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ringback.worker.crash_loop import (
    CRASHES_FREE,
    TRIAL_S,
    WINDOW_MS,
    Record,
    may_be_tried,
    next_record,
    wait_s,
    without_suspect,
)

NOW = 1_800_000_000_000
CUT_OFF = Record(worker_id="w", is_over=False)


def after(record: Record, *held: str, at_ms: int = NOW) -> Record:
    return next_record(record, held, worker_id="w", now_ms=at_ms)


def after_crashes(count: int, *held: str) -> Record:
    record = CUT_OFF
    for number in range(count):
        record = after(record, *held, at_ms=NOW + number)
    return record


def test_an_orderly_end_is_no_crash_and_clears_every_suspect() -> None:
    record = Record(is_over=True, crashes_ms=(NOW,) * 9, suspects={"a": 1})
    assert after(record, "a") == Record(worker_id="w", is_over=False)


def test_rare_crashes_cause_no_wait_and_no_suspects() -> None:
    record = CUT_OFF
    for number in range(20):
        record = after(record, "a", "b", at_ms=NOW + number * WINDOW_MS // 2)
        assert wait_s(record, most_s=30) == 0
        assert record.suspects == {}


def test_a_worker_that_crashes_without_a_job_does_not_wait_longer() -> None:
    record = after_crashes(4, "a")
    waits = wait_s(record, most_s=30)
    for number in range(9):
        record = after(record, at_ms=NOW + 9 + number)
        assert wait_s(record, most_s=30) == waits
    assert wait_s(after(record, at_ms=NOW + 2 * WINDOW_MS), most_s=30) == 0


def test_the_wait_doubles_with_every_crash_up_to_the_most() -> None:
    waits = [wait_s(after_crashes(count, "a"), most_s=30) for count in range(10)]
    assert waits == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert wait_s(after_crashes(2_000, "a"), most_s=3_600) == 3_600


def test_jobs_that_were_held_at_the_third_crash_are_suspects() -> None:
    record = after_crashes(CRASHES_FREE, "a", "b")
    assert record.suspects == {"a": 0, "b": 0}
    assert may_be_tried(record, begun_s=0) == ["a", "b"]
    assert without_suspect(record, "a").suspects == {"b": 0}


def test_a_crash_during_a_trial_blames_that_job_alone() -> None:
    record = after_crashes(CRASHES_FREE, "a", "b")
    record = after(replace(record, on_trial="b"), "b", "innocent", at_ms=NOW + 9)
    assert record.suspects == {"a": 0, "b": 1}
    assert record.on_trial is None
    assert may_be_tried(record, begun_s=0) == ["a"]
    assert may_be_tried(record, begun_s=31) == ["a", "b"]
    assert record.trial_s == TRIAL_S


def test_a_crash_after_a_trial_makes_the_next_trials_longer() -> None:
    record = after_crashes(CRASHES_FREE, "a", "b")
    again = after(without_suspect(record, "a"), "a", "c", at_ms=NOW + 9)
    assert again.suspects == {"a": 0, "b": 0, "c": 0}
    assert again.trial_s == 2 * TRIAL_S


def test_a_clock_that_was_ahead_makes_no_loop() -> None:
    record = after_crashes(9, "a")
    assert wait_s(after(record, "a", at_ms=NOW - 99 * WINDOW_MS), most_s=30) == 0


@pytest.mark.parametrize("slots", [1, 4])
@given(seed=st.integers(0, 2**32))
def test_all_jobs_but_the_one_that_causes_the_crashes_complete(slots: int, seed: int) -> None:
    """A small model of a worker: the deadly job ends the server in its first second."""
    rng = Random(seed)
    jobs = ["deadly", *(f"job{number}" for number in range(12))]
    rng.shuffle(jobs)
    record, now_ms, held = CUT_OFF, NOW, list[str]()
    for _ in range(60):
        record = after(record, *held, at_ms=now_ms)
        held = []
        waited_s = wait_s(record, most_s=30)
        now_ms += 1_000 + int(waited_s * 1000)
        innocent = [job for job in jobs if job not in record.suspects][:slots]
        tried = may_be_tried(record, begun_s=waited_s)[:1]
        if not innocent and not tried:  # it waits until the blamed one may be tried again
            tried = sorted(record.suspects, key=record.suspects.__getitem__)[:1]
        held = [*innocent, *tried][: slots + 1]
        if tried and tried[0] in held:
            record = replace(record, on_trial=tried[0])
        if "deadly" not in held:  # they get through, and the server is cut off afterwards
            for job in held:
                jobs.remove(job)
                record = without_suspect(record, job)
            held = []
    assert jobs == ["deadly"]
