"""Attempts of interim events in flight: the end of their job cancels them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ringback.webhooks.delivery.signed_attempt import AttemptResult


class InterimAttempts:
    """The attempts in flight of jobs that have not ended, by job."""

    def __init__(self) -> None:
        self._by_job: dict[str, set[asyncio.Task[AttemptResult | None]]] = {}

    async def make(
        self, job_id: str, attempt: Coroutine[Any, Any, AttemptResult | None]
    ) -> AttemptResult | None:
        """Make an attempt and return its result; None when it was cancelled."""
        task = asyncio.create_task(attempt)
        self._by_job.setdefault(job_id, set()).add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()  # of no effect on one that is done; else the dispatcher is going down
            under_way = self._by_job.get(job_id, set())
            under_way.discard(task)
            if not under_way:
                self._by_job.pop(job_id, None)
        return None if task.cancelled() else task.result()

    async def silence(self, job_id: str) -> None:
        """Cancel the attempts of a job; their connections are closed when this returns."""
        under_way = self._by_job.get(job_id)
        if under_way:
            for task in under_way:
                task.cancel()
            await asyncio.wait(set(under_way))
