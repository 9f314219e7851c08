"""Moving times that are ahead, when the clock that they were written by is set back."""

from __future__ import annotations

from ringback.storage.transactions.work import TransactionScript, for_each

_MOVES = (
    "control.move_destinations",
    "control.move_due_times",
    "control.move_interim_due_times",
    "control.move_leases_of_deliveries",
    "control.move_leases_of_jobs",
)


@for_each
def move_times(by_ms: int, now_ms: int) -> TransactionScript[None]:
    """Move due times, breakers' pauses and leases that lie after ``now_ms``."""
    for statement in _MOVES:
        yield statement, {"by_ms": by_ms, "now_ms": now_ms}
