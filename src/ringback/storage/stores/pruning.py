"""The deletion of rows past their retention, on both databases."""

from __future__ import annotations

from ringback.storage.retention import Kept, Pruned
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import pruning


class SqlPruning(SqlBase):
    """``Pruning``."""

    async def prune(self, kind: Kept, *, before_ms: int, limit: int) -> Pruned:
        return await self._call(pruning.prune, (kind, before_ms, limit))

    async def files_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        return await self._snapshot(lambda: pruning.files_past(before_ms, limit))

    async def forget_bulk_operations(self, *, before_ms: int, limit: int) -> int:
        return len(
            await self._write("retention.prune_bulk_operations", before_ms=before_ms, limit=limit)
        )
