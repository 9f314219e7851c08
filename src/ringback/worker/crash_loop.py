"""Decides how a worker goes on when its server crashes repeatedly. Pure; times are handed in.

A bug may end the whole server whenever it runs a certain job. No job fails for that, because it is
unknown which one caused it. Instead a worker that crashed several times within a short while waits
before it claims again, and runs the jobs that it held one at a time. A crash during such a trial
shows which job caused it; that job is tried again after longer and longer waits, and all others run
at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace

WINDOW_MS = 10 * 60 * 1000
"""Crashes that lie further apart are no loop."""

CRASHES_FREE = 3
"""From this many crashes within the window on, the jobs that were held are suspects."""

TRIAL_S = 10.0
"""How long one suspect is tried alone; doubled if the server crashes soon after a trial."""

_TRIAL_S_MAX = 3_600.0
_BLAMED_S = 30.0
_BLAMED_S_MAX = 3_600.0
_SUSPECTS_MAX = 500


class Record(Struct, frozen=True, kw_only=True):
    """The record that a worker leaves for its successor."""

    worker_id: str = ""
    is_over: bool = True  # the worker ended in order, or there was none
    crashes_ms: tuple[int, ...] = ()  # when each crash was found by the next worker
    suspects: Mapping[str, int] = {}  # jobs, with the crashes during their trials
    on_trial: str | None = None
    trial_s: float = TRIAL_S


def next_record(before: Record, held: Collection[str], *, worker_id: str, now_ms: int) -> Record:
    """Return the record of a worker that starts after one that held these jobs.

    A crash without a held job was caused by no job.
    """
    if before.is_over:
        return Record(worker_id=worker_id, is_over=False)
    recent = tuple(at_ms for at_ms in before.crashes_ms if 0 <= now_ms - at_ms < WINDOW_MS)
    after = replace(before, worker_id=worker_id, crashes_ms=recent, on_trial=None)
    if not held:
        return after
    after = replace(after, crashes_ms=(*recent, now_ms))
    if before.on_trial is not None and before.on_trial in held:
        blame = before.suspects.get(before.on_trial, 0) + 1
        return replace(after, suspects={**before.suspects, before.on_trial: blame})
    if len(after.crashes_ms) < CRASHES_FREE:
        return after
    suspects = {**dict.fromkeys(held, 0), **before.suspects}
    return replace(
        after,
        suspects=dict(list(suspects.items())[:_SUSPECTS_MAX]),
        # After a round of trials the job at fault was cleared too early.
        trial_s=min(before.trial_s * (2 if before.suspects else 1), _TRIAL_S_MAX),
    )


def wait_s(record: Record, *, most_s: float) -> float:
    """Return how long a starting worker waits before it claims: longer with every crash."""
    beyond = len(record.crashes_ms) - CRASHES_FREE
    return 0.0 if beyond < 0 else float(min(2.0 ** min(beyond, 32), most_s))


def may_be_tried(record: Record, *, begun_s: float) -> list[str]:
    """Return the suspects that may be tried ``begun_s`` after the start, least blamed first."""
    candidates = [
        job_id for job_id, blame in record.suspects.items() if begun_s >= _blamed_wait_s(blame)
    ]
    return sorted(candidates, key=lambda job_id: record.suspects[job_id])


def _blamed_wait_s(blame: int) -> float:
    return 0.0 if blame == 0 else min(_BLAMED_S * 2.0 ** min(blame - 1, 32), _BLAMED_S_MAX)


def without_suspect(record: Record, job_id: str) -> Record:
    """Return the record without a suspect that has run without a crash."""
    suspects = {one: blame for one, blame in record.suspects.items() if one != job_id}
    on_trial = None if record.on_trial == job_id else record.on_trial
    return replace(record, suspects=suspects, on_trial=on_trial)
