"""The retention of rows: kinds, and the days that each is kept. Pure."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

_DAY_MS = 86_400_000


class Kept(StrEnum):
    """The kinds of rows, pruned in this order: a job, then its deliveries, then its events."""

    ANSWERS = "answers"  # bodies and headers of receivers' answers
    ATTEMPTS = "attempts"
    JOBS = "jobs"  # that have ended, with their artifacts
    DELIVERIES = "deliveries"  # that have ended
    EVENTS = "events"
    DESTINATIONS = "destinations"  # without deliveries


class Pruned(Struct, frozen=True, kw_only=True):
    """The result of a step of pruning."""

    count: int
    more: bool  # another step would find rows to read


class Retention(Struct, frozen=True, kw_only=True):
    """The days that rows of each kind are kept."""

    answers_days: float = 7.0
    attempts_days: float = 30.0
    days: float = 90.0

    def before_ms(self, kind: Kept, *, now_ms: int) -> int:
        """Return the time before which rows of that kind are pruned."""
        days = {Kept.ANSWERS: self.answers_days, Kept.ATTEMPTS: self.attempts_days}
        return now_ms - round(days.get(kind, self.days) * _DAY_MS)
