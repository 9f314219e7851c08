"""Waiting for a job's end, with reports of its progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from ringback.client.clock import AsyncClock
from ringback.client.models import JobDocument
from ringback.mcp.operations import Operations

Report = Callable[[float, str], Awaitable[None]]
"""Sends a job's progress, from 0 to 1, and its status in words."""

_RUNNING_MAX = 0.99
_REPORT_EVERY_S = 5.0
"""After so long without a change, progress is reported again and waiting may be stopped."""


class ProgressReporter:
    """Reports a job's progress, which grows with each report, as the protocol requires."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reported = 0.0

    async def __call__(self, job: JobDocument) -> None:
        """Report the job's status and progress."""
        # A job that has drawn everything has not ended yet: 1 is reserved for its end.
        progress = 1.0 if job.is_terminal else (job.progress or 0.0) * _RUNNING_MAX
        self._reported = max(self._reported + 1e-6, progress)
        await self._report(self._reported, f"Job {job.job_id} is {job.status}.")


async def until_end(
    operations: Operations,
    job: JobDocument,
    *,
    wait_s: float,
    report: Report,
    stops_waiting: Callable[[], bool],
    clock: AsyncClock,
) -> JobDocument:
    """Return the job after its end, after ``wait_s``, or when waiting stops."""
    deadline = clock.monotonic() + wait_s
    reporter = ProgressReporter(report)
    await reporter(job)
    while not job.is_terminal and not stops_waiting():
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            break
        timeout_s = min(left_s, _REPORT_EVERY_S)
        async with aclosing(operations.changes(job.job_id, timeout_s=timeout_s)) as changes:
            async for job in changes:
                await reporter(job)
    return job
