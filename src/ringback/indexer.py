"""The loop that writes the index of prompts, behind the jobs and a little at a time."""

from __future__ import annotations

from collections.abc import Callable

from ringback.clock import Clock
from ringback.errors import StorageFull
from ringback.jobs.queue import Prompts
from ringback.log import get_logger

log = get_logger(__name__)

_EVERY_S = 1.0
_ROWS = 50  # indexed in one transaction: about a millisecond of the writer's time
_PAUSE_S = 0.05  # some 800 jobs a second at most; what comes faster is caught up with later
# A job's id is older than its commit, by less than this: the longest that a write is tried for.
_BEHIND_MS = 60_000


class Indexer:
    """Indexes prompts in steps so small that nobody who writes waits for one."""

    def __init__(
        self,
        store: Prompts,
        *,
        clock: Clock,
        is_shared: bool,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        # Alone with the data, jobs are met in the very order of their commits.
        self._behind_ms = _BEHIND_MS if is_shared else -_BEHIND_MS
        self._leads = leads

    async def run(self) -> None:
        """Index until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            if not self._leads():
                continue
            try:
                await self.run_once()
            except StorageFull:
                log.warning("storage_full", waiting_s=_EVERY_S)

    async def run_once(self) -> int:
        """Index what has come; return how many jobs that were."""
        indexed = 0
        while self._leads():
            before_ms = self._clock.now_ms() - self._behind_ms
            step = await self._store.index_prompts(before_ms=before_ms, limit=_ROWS)
            indexed += step
            if step < _ROWS:
                break
            await self._clock.sleep(_PAUSE_S)
        return indexed
