"""Guarded writes: who won, of those who named the epoch that they knew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ringback.storage.sql.work import Ask, Rows, Work, together


def written(
    statement: str, rows: Sequence[Any], *, epochs_raised: int = 0
) -> Work[set[tuple[str, int]]]:
    """Return the ids that were written, each with the epoch that its writer named.

    Of two rows for one id and epoch, where a write raises it, the first is written.
    """
    done, _ = yield from written_beside(statement, rows, epochs_raised=epochs_raised)
    return done


def written_beside(
    statement: str, rows: Sequence[Any], *, beside: Ask | None = None, epochs_raised: int = 0
) -> Work[tuple[set[tuple[str, int]], Rows]]:
    """Return what was ``written``, and the rows of what was asked beside it."""
    if epochs_raised:
        firsts: dict[Any, Any] = {}
        for row in rows:
            firsts.setdefault(tuple(row[:2]), row)
        rows = list(firsts.values())
    done, *found = yield from together((statement, {"rows": rows}), beside)
    return {(id_, epoch - epochs_raised) for id_, epoch in done}, found[0] if found else []


def once(done: set[tuple[str, int]], writers: Iterable[tuple[str, int]]) -> list[bool]:
    """Say which writers won; of two for one id and epoch, the first."""
    results = []
    for writer in writers:
        results.append(writer in done)
        done.discard(writer)
    return results
