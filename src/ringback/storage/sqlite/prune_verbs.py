"""The steps of pruning, each a function of a transaction.

Every table is walked in the order of its rows' making, from where the last step came to until
something too young is met; then the walk begins anew. So a step costs the same however much there
is, and what was too early to prune, because it had not ended, is met again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import apsw

from ringback.retention import Kept, Pruned
from ringback.storage.sqlite.rows import as_json
from ringback.storage.sqlite.statements import RETENTION

Step = tuple[Kept, int, int]
"""What to prune, made before when, and how many rows to look at."""


def prune(tx: apsw.Connection, items: Sequence[Step]) -> list[Pruned]:
    """Look at the next rows and delete what is past its time."""
    return [_prune(tx, *item) for item in items]


def _prune(tx: apsw.Connection, what: Kept, before_ms: int, limit: int) -> Pruned:
    before = cursor_of(tx, what)
    asked = {"cursor": before, "before_ms": before_ms, "limit": limit}
    rows: list[Any] = tx.execute(getattr(RETENTION, f"next_{what}"), asked).fetchall()
    cursor, keys = before, []
    is_old = True
    for key, is_old, may_go in rows:
        if not is_old:
            break
        cursor = key
        if may_go:
            keys.append(key)
    more = bool(is_old) and len(rows) == limit
    # Answers that were emptied are not to be met again; all else that may go is deleted.
    after = cursor if more or what is Kept.ANSWERS else 0
    if after != before:
        tx.execute(RETENTION.keep_cursor, {"what": what.value, "cursor": after})
    if keys:
        _DELETE.get(what, _delete)(tx, what, as_json(keys))
    return Pruned(count=len(keys), more=more)


def cursor_of(reader: apsw.Connection, what: Kept) -> int:
    """Return the place to which the last step came."""
    found = reader.execute(RETENTION.cursor_of, {"what": what.value}).fetchone()
    return 0 if found is None else found[0]


def _delete(tx: apsw.Connection, what: Kept, keys: str) -> None:
    tx.execute(getattr(RETENTION, f"prune_{what}"), {"keys": keys})


def _delete_attempts(tx: apsw.Connection, _what: Kept, keys: str) -> None:
    tx.execute(RETENTION.prune_attempts, {"keys": keys})
    tx.execute(RETENTION.rewind_answers)


def _delete_jobs(tx: apsw.Connection, _what: Kept, keys: str) -> None:
    rows: list[Any] = tx.execute(RETENTION.prune_jobs, {"keys": keys}).fetchall()
    counts = Counter(workspace_id for (workspace_id,) in rows)
    tx.execute(RETENTION.count_pruned_jobs, {"rows": as_json(list(counts.items()))})


def _delete_deliveries(tx: apsw.Connection, _what: Kept, keys: str) -> None:
    tx.execute(RETENTION.prune_attempts_of, {"keys": keys})
    tx.execute(RETENTION.rewind_answers)
    rows: list[Any] = tx.execute(RETENTION.prune_deliveries, {"keys": keys}).fetchall()
    counts = Counter(workspace_id for (workspace_id,) in rows)
    tx.execute(RETENTION.count_pruned_deliveries, {"rows": as_json(list(counts.items()))})


_DELETE: dict[Kept, Callable[[apsw.Connection, Kept, str], None]] = {
    Kept.ATTEMPTS: _delete_attempts,
    Kept.JOBS: _delete_jobs,
    Kept.DELIVERIES: _delete_deliveries,
}
