"""What is kept for how long. Pure names; the store prunes, and the janitor sees to it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

_DAY_MS = 86_400_000


class Kept(StrEnum):
    """What is pruned, in this order: a job goes before what it owed, and that before its event."""

    ANSWERS = "answers"  # what receivers answered: bodies and headers
    ATTEMPTS = "attempts"
    JOBS = "jobs"  # that have ended, with their artifacts
    DELIVERIES = "deliveries"  # that have ended
    EVENTS = "events"
    DESTINATIONS = "destinations"  # to which nothing goes any more


class Pruned(Struct, frozen=True, kw_only=True):
    """What a step of pruning did."""

    count: int
    more: bool  # another step would find something to look at


class Retention(Struct, frozen=True, kw_only=True):
    """For how many days what is kept."""

    answers_days: float = 7.0
    attempts_days: float = 30.0
    days: float = 90.0

    def before_ms(self, what: Kept, *, now_ms: int) -> int:
        """Return the time before which such things are pruned."""
        days = {Kept.ANSWERS: self.answers_days, Kept.ATTEMPTS: self.attempts_days}
        return now_ms - round(days.get(what, self.days) * _DAY_MS)
