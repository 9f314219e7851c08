"""Pruning."""

from __future__ import annotations

from ringback.retention import Kept, Pruned
from ringback.storage.sql import prune_verbs as verbs
from ringback.storage.sql.base import SqlBase


class SqlPruning(SqlBase):
    """``Pruning``."""

    async def prune(self, what: Kept, *, before_ms: int, limit: int) -> Pruned:
        """Look at the next rows and delete what was made, and has ended, before that time."""
        pruned: Pruned = await self._call(verbs.prune, (what, before_ms, limit))
        return pruned

    async def urls_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return where the results are of the jobs that such a step would delete."""
        return await self._look(lambda: verbs.urls_past(before_ms, limit))

    async def forget_chores(self, *, before_ms: int, limit: int) -> int:
        """Delete chores that ended before then, at most so many; returns how many."""
        return len(await self._write("retention.prune_chores", before_ms=before_ms, limit=limit))
