"""The steps of pruning, each a function of a transaction.

Each table is read in the order of its rows' creation, from the last step's position until a row
is too young; then reading begins anew. So a step costs the same however many rows there are, and
rows that had not ended are read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from ringback.storage.mapping.rows import files_of
from ringback.storage.retention import Kept, Pruned
from ringback.storage.transactions.work import TransactionScript, first, for_each


class _Step(NamedTuple):
    keys: list[Any]  # of the rows that are past their retention
    before: int  # the position that the step began at
    cursor: int  # the position of the last row that is not too young
    more: bool


@for_each
def prune(kind: Kept, before_ms: int, limit: int) -> TransactionScript[Pruned]:
    """Read the next rows and delete those past their retention."""
    step = yield from _next_step(kind, before_ms, limit)
    # Emptied answers must not be read again; rows of the other kinds are deleted.
    after = step.cursor if step.more or kind is Kept.ANSWERS else 0
    if after != step.before:
        yield "retention.keep_cursor", {"what": kind.value, "cursor": after}
    if step.keys:
        yield from _DELETE.get(kind, _delete)(kind, step.keys)
    return Pruned(count=len(step.keys), more=step.more)


def files_past(before_ms: int, limit: int) -> TransactionScript[tuple[str, ...]]:
    """Return the names of the files of the jobs that the next step would delete."""
    step = yield from _next_step(Kept.JOBS, before_ms, limit)
    rows = (yield "retention.files_of", {"keys": step.keys}) if step.keys else []
    return tuple(name for row in rows for name in files_of(*row))


def _next_step(kind: Kept, before_ms: int, limit: int) -> TransactionScript[_Step]:
    before = yield from cursor_of(kind)
    bindings = {"cursor": before, "before_ms": before_ms, "limit": limit}
    rows: list[Any] = yield f"retention.next_{kind}", bindings
    cursor, keys = before, []
    is_old = True
    for key, is_old, may_go in rows:
        if not is_old:
            break
        cursor = key
        if may_go:
            keys.append(key)
    more = bool(is_old) and len(rows) == limit
    return _Step(keys, before, cursor, more)


def cursor_of(kind: Kept) -> TransactionScript[int]:
    """Return the position of the last step."""
    found = first((yield "retention.cursor_of", {"what": kind.value}))
    return 0 if found is None else found[0]


def _delete(kind: Kept, keys: list[Any]) -> TransactionScript[None]:
    yield f"retention.prune_{kind}", {"keys": keys}


def _delete_attempts(_what: Kept, keys: list[Any]) -> TransactionScript[None]:
    yield "retention.prune_attempts", {"keys": keys}
    yield "retention.rewind_answers", {}


def _delete_jobs(_what: Kept, keys: list[Any]) -> TransactionScript[None]:
    yield "retention.prune_prompts", {"keys": keys}
    rows: list[Any] = yield "retention.prune_jobs", {"keys": keys}
    yield "retention.rewind_prompts", {}
    counts = Counter(workspace_id for (workspace_id,) in rows)
    yield "retention.count_pruned_jobs", {"rows": list(counts.items())}


def _delete_deliveries(_what: Kept, keys: list[Any]) -> TransactionScript[None]:
    yield "retention.prune_attempts_of", {"keys": keys}
    yield "retention.rewind_answers", {}
    rows: list[Any] = yield "retention.prune_deliveries", {"keys": keys}
    counts = Counter(workspace_id for (workspace_id,) in rows)
    yield "retention.count_pruned_deliveries", {"rows": list(counts.items())}


_DELETE: dict[Kept, Callable[[Kept, list[Any]], TransactionScript[None]]] = {
    Kept.ATTEMPTS: _delete_attempts,
    Kept.JOBS: _delete_jobs,
    Kept.DELIVERIES: _delete_deliveries,
}
