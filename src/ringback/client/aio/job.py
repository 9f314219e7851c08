"""A job that is bound to its client, with methods to wait for it, cancel it and save it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ringback.client import showing
from ringback.client.models import JobDocument
from ringback.client.saving import Saving, as_html

if TYPE_CHECKING:
    from ringback.client.aio.jobs import AsyncJobs


class AsyncJob(JobDocument, frozen=True, kw_only=True, dict=True):
    """A snapshot of a job; equal to any other of the same content."""

    @property
    def _jobs(self) -> AsyncJobs:
        jobs: AsyncJobs = self.__dict__["jobs"]
        return jobs

    async def refresh(self) -> AsyncJob:
        """Return the job's present state."""
        return await self._jobs.get(self.job_id)

    async def wait(
        self,
        *,
        timeout: float | None = None,
        progress: bool | None = None,
        check: bool = True,
        on_update: Callable[[AsyncJob], object] | None = None,
    ) -> AsyncJob:
        """Return the job once it has ended; see ``jobs.wait``."""
        return await self._jobs.wait(
            self.job_id, timeout=timeout, progress=progress, check=check, on_update=on_update
        )

    async def cancel(self) -> AsyncJob:
        """Cancel the job unless it has ended, and return its new state."""
        return await self._jobs.cancel(self.job_id)

    async def save(
        self,
        directory: str | PathLike[str] = ".",
        *,
        on_progress: Callable[[Saving], object] | None = None,
    ) -> Sequence[Path]:
        """Download the results into a directory and return their paths, in their order.

        Each file is written completely or not at all. Raises ``SaveFailed``, and ``JobFailed``
        or ``JobCancelled`` for a job without results.
        """
        return await self._jobs.save(self, directory, on_progress=on_progress)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_png_(self) -> bytes | None:
        """Return the first picture for notebooks, or None when it cannot be loaded."""
        if self.status != "completed":
            return None
        if "png" not in self.__dict__:
            self.__dict__["png"] = showing.png_at(self.urls)
        found: bytes | None = self.__dict__["png"]
        return found


def bound(job: AsyncJob, jobs: AsyncJobs) -> AsyncJob:
    """Bind a job to its client, and return it."""
    job.__dict__["jobs"] = jobs
    return job
