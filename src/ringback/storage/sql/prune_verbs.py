"""The steps of pruning, each a function of a transaction.

Every table is walked in the order of its rows' making, from where the last step came to until
something too young is met; then the walk begins anew. So a step costs the same however much there
is, and what was too early to prune, because it had not ended, is met again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ringback.retention import Kept, Pruned
from ringback.storage.sql.rows import urls_of
from ringback.storage.sql.work import Work, first

Step = tuple[Kept, int, int]
"""What to prune, made before when, and how many rows to look at."""


def prune(items: Sequence[Step]) -> Work[list[Pruned]]:
    """Look at the next rows and delete what is past its time."""
    results = []
    for item in items:
        results.append((yield from _prune(*item)))
    return results


def _prune(what: Kept, before_ms: int, limit: int) -> Work[Pruned]:
    before = yield from cursor_of(what)
    asked = {"cursor": before, "before_ms": before_ms, "limit": limit}
    rows: list[Any] = yield f"retention.next_{what}", asked
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
        yield "retention.keep_cursor", {"what": what.value, "cursor": after}
    if keys:
        yield from _DELETE.get(what, _delete)(what, keys)
    return Pruned(count=len(keys), more=more)


def urls_past(before_ms: int, limit: int) -> Work[tuple[str, ...]]:
    """Return where the results are of the jobs that the next step would delete."""
    cursor = yield from cursor_of(Kept.JOBS)
    asked = {"cursor": cursor, "before_ms": before_ms, "limit": limit}
    rows = yield "retention.results_past", asked
    return tuple(url for (result,) in rows for url in urls_of(result))


def cursor_of(what: Kept) -> Work[int]:
    """Return the place to which the last step came."""
    found = first((yield "retention.cursor_of", {"what": what.value}))
    return 0 if found is None else found[0]


def _delete(what: Kept, keys: list[Any]) -> Work[None]:
    yield f"retention.prune_{what}", {"keys": keys}


def _delete_attempts(_what: Kept, keys: list[Any]) -> Work[None]:
    yield "retention.prune_attempts", {"keys": keys}
    yield "retention.rewind_answers", {}


def _delete_jobs(_what: Kept, keys: list[Any]) -> Work[None]:
    yield "retention.prune_prompts", {"keys": keys}
    rows: list[Any] = yield "retention.prune_jobs", {"keys": keys}
    yield "retention.rewind_prompts", {}
    counts = Counter(workspace_id for (workspace_id,) in rows)
    yield "retention.count_pruned_jobs", {"rows": list(counts.items())}


def _delete_deliveries(_what: Kept, keys: list[Any]) -> Work[None]:
    yield "retention.prune_attempts_of", {"keys": keys}
    yield "retention.rewind_answers", {}
    rows: list[Any] = yield "retention.prune_deliveries", {"keys": keys}
    counts = Counter(workspace_id for (workspace_id,) in rows)
    yield "retention.count_pruned_deliveries", {"rows": list(counts.items())}


_DELETE: dict[Kept, Callable[[Kept, list[Any]], Work[None]]] = {
    Kept.ATTEMPTS: _delete_attempts,
    Kept.JOBS: _delete_jobs,
    Kept.DELIVERIES: _delete_deliveries,
}
