"""A job with its client at hand: what it is, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringback.client import showing
from ringback.client.models import JobDocument
from ringback.client.saving import Saving, as_html

if TYPE_CHECKING:
    from ringback.client.aio.jobs import AsyncJobs


class AsyncJob(JobDocument, frozen=True, kw_only=True, dict=True):
    """A job as it stood when it was asked for; equal to any other of the same content."""

    @property
    def _jobs(self) -> AsyncJobs:
        jobs: AsyncJobs = self.__dict__["jobs"]
        return jobs

    async def refresh(self) -> AsyncJob:
        """Return the job as it stands now."""
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
        """Cancel the job unless it has ended, and return it as it is then."""
        return await self._jobs.cancel(self.job_id)

    async def save(
        self,
        directory: str | PathLike[str] = ".",
        *,
        on_progress: Callable[[Saving], object] | None = None,
    ) -> Sequence[Path]:
        """Download the results into a directory and return their paths, in their order.

        A file is there whole or not at all. Raises ``SaveFailed``, and ``JobFailed`` or
        ``JobCancelled`` for a job that has no results.
        """
        return await self._jobs.save(self, directory, on_progress=on_progress)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_png_(self) -> bytes | None:
        """Return the first picture, for notebooks; None when there is none to be had."""
        if self.status != "completed":
            return None
        if "png" not in self.__dict__:
            self.__dict__["png"] = showing.png_at(self.urls)
        found: bytes | None = self.__dict__["png"]
        return found


def bound(job: AsyncJob, jobs: AsyncJobs) -> AsyncJob:
    """Return the job, which now has its client at hand."""
    job.__dict__["jobs"] = jobs
    return job


def document_of(job: AsyncJob) -> dict[str, Any]:
    """Return the job's members for whoever prints them; unknown ones are left out."""
    return {
        name: value for name in job.__struct_fields__ if (value := getattr(job, name)) is not None
    }
