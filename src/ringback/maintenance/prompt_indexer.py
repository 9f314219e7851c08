"""Writes the index of prompts after the jobs, in small steps."""

from __future__ import annotations

from collections.abc import Callable

from ringback.clock import Clock
from ringback.jobs.store import Prompts

_ROWS = 50  # indexed in one transaction: about a millisecond of the writer's time
_PAUSE_S = 0.05  # some 800 jobs a second at most; a faster load is caught up with later
# A job's id is older than its commit by less than this, the longest time that a write is tried.
_BEHIND_MS = 60_000


class PromptIndexer:
    """Indexes prompts in steps so small that no other write waits for one."""

    def __init__(
        self,
        store: Prompts,
        *,
        clock: Clock,
        is_shared: bool,
        is_leader: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        # A single process sees jobs in the order of their commits.
        self._behind_ms = _BEHIND_MS if is_shared else -_BEHIND_MS
        self._is_leader = is_leader

    async def run_once(self) -> int:
        """Index all new jobs while this process leads; return how many."""
        indexed = 0
        while self._is_leader():
            before_ms = self._clock.now_ms() - self._behind_ms
            count = await self._store.index_prompts(before_ms=before_ms, limit=_ROWS)
            indexed += count
            if count < _ROWS:
                break
            await self._clock.sleep(_PAUSE_S)
        return indexed
