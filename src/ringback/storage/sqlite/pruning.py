"""Pruning in SQLite."""

from __future__ import annotations

from typing import Any

import apsw

from ringback.retention import Kept, Pruned
from ringback.storage.sqlite import prune_verbs as verbs
from ringback.storage.sqlite.base import SqliteBase
from ringback.storage.sqlite.rows import urls_of
from ringback.storage.sqlite.statements import RETENTION


class SqlitePruning(SqliteBase):
    """``Pruning``."""

    async def prune(self, what: Kept, *, before_ms: int, limit: int) -> Pruned:
        """Look at the next rows and delete what was made, and has ended, before that time."""
        pruned: Pruned = await self._writer.call(verbs.prune, (what, before_ms, limit))
        return pruned

    async def urls_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return where the results are of the jobs that such a step would delete."""

        def look(reader: apsw.Connection) -> tuple[str, ...]:
            cursor = verbs.cursor_of(reader, Kept.JOBS)
            asked = {"cursor": cursor, "before_ms": before_ms, "limit": limit}
            rows: list[Any] = reader.execute(RETENTION.results_past, asked).fetchall()
            return tuple(url for (result,) in rows for url in urls_of(result))

        return await self._look(look)

    async def forget_chores(self, *, before_ms: int, limit: int) -> int:
        """Delete chores that ended before then, at most so many; returns how many."""
        return len(await self._write(RETENTION.prune_chores, before_ms=before_ms, limit=limit))
