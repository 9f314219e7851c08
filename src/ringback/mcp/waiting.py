"""Waiting for a job, and telling how far it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from ringback.client.aio.job import AsyncJob
from ringback.client.aio.jobs import AsyncJobs
from ringback.client.clock import AsyncClock

Tell = Callable[[float, str], Awaitable[None]]
"""Told how far a job is, from 0 to 1, and of it in words."""

_LAST = 0.99
_AT_ONCE_S = 5.0
"""After so long a host is told that the job lives, and whether to give up is looked at."""


class Teller:
    """Tells of a job; progress grows with each telling, as the protocol has it."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told = 0.0

    async def __call__(self, job: AsyncJob) -> None:
        """Tell how the job stands."""
        # What is all drawn is not yet over: 1 is kept for the end.
        progress = 1.0 if job.is_terminal else (job.progress or 0.0) * _LAST
        self._told = max(self._told + 1e-6, progress)
        await self._tell(self._told, f"Job {job.job_id} is {job.status}.")


async def until_end(
    jobs: AsyncJobs,
    job: AsyncJob,
    *,
    wait_s: float,
    tell: Tell,
    gives_up: Callable[[], bool],
    clock: AsyncClock,
) -> AsyncJob:
    """Return the job as it stands when it has ended, or when the time is over or given up."""
    deadline = clock.monotonic() + wait_s
    teller = Teller(tell)
    await teller(job)
    while not job.is_terminal and not gives_up():
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            break
        async with aclosing(jobs.events(job.job_id, timeout=min(left_s, _AT_ONCE_S))) as events:
            async for job in events:
                await teller(job)
    return job
