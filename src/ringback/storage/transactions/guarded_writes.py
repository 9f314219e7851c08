"""Optimistic locking: a write succeeds only if the row still has the epoch that the writer read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ringback.storage.transactions.work import Rows, Statement, TransactionScript, together

Version = tuple[str, int]
"""A row's id, and the epoch that its writer read."""


def write_guarded(
    statement: str, rows: Sequence[Any], *, beside: Statement | None = None, epochs_raised: int = 0
) -> TransactionScript[tuple[set[Version], Rows]]:
    """Return the versions that were written over, and the rows of the statement ``beside`` it.

    Of two rows for one version, where a write raises the epoch, the first is written.
    """
    if epochs_raised:
        firsts: dict[Any, Any] = {}
        for row in rows:
            firsts.setdefault(tuple(row[:2]), row)
        rows = list(firsts.values())
    written, *others = yield from together((statement, {"rows": rows}), beside)
    done = {(id_, epoch - epochs_raised) for id_, epoch in written}
    return done, others[0] if others else []


def winners(done: set[Version], writers: Iterable[Version]) -> list[bool]:
    """Say for each writer whether its row was written; of two for one version, the first's was."""
    results = []
    for writer in writers:
        results.append(writer in done)
        done.discard(writer)
    return results
