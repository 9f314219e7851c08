"""Slots of the drawing processes: shared between workspaces; waiting costs no job time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ringback.concurrency.fair_limiter import FairLimiter
from ringback.engines.contract import EngineIO

_RESERVE = 1


class WorkerSlots:
    """Limits the tasks that run at once, with one more for a workspace that has none."""

    def __init__(self, processes: int) -> None:
        self._limiter = FairLimiter(processes, reserve=_RESERVE)

    def for_job(self, workspace_id: str, io: EngineIO) -> JobSlots:
        """Return the slots of one job's tasks."""
        return JobSlots(self._limiter, workspace_id, io)


class JobSlots:
    """Takes a slot for each task of one job."""

    def __init__(self, limiter: FairLimiter, workspace_id: str, io: EngineIO) -> None:
        self._limiter = limiter
        self._workspace_id = workspace_id
        self._io = io
        self._has_started = False

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot; the job's time limit is paused until then, and its progress starts then."""
        async with AsyncExitStack() as stack:
            with self._io.waiting():
                await stack.enter_async_context(self._limiter.slot(self._workspace_id))
            if not self._has_started:
                self._has_started = True
                await self._io.progress(0.0)
            yield
