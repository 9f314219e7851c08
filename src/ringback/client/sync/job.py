# Generated from ../aio/job.py by tools/unasync.py: change that, and run make fmt.
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
    from ringback.client.sync.jobs import Jobs


class Job(JobDocument, frozen=True, kw_only=True, dict=True):
    """A snapshot of a job; equal to any other of the same content."""

    @property
    def _jobs(self) -> Jobs:
        jobs: Jobs = self.__dict__["jobs"]
        return jobs

    def refresh(self) -> Job:
        """Return the job's present state."""
        return self._jobs.get(self.job_id)

    def wait(
        self,
        *,
        timeout: float | None = None,
        progress: bool | None = None,
        check: bool = True,
        on_update: Callable[[Job], object] | None = None,
    ) -> Job:
        """Return the job once it has ended; see ``jobs.wait``."""
        return self._jobs.wait(
            self.job_id, timeout=timeout, progress=progress, check=check, on_update=on_update
        )

    def cancel(self) -> Job:
        """Cancel the job unless it has ended, and return its new state."""
        return self._jobs.cancel(self.job_id)

    def save(
        self,
        directory: str | PathLike[str] = ".",
        *,
        on_progress: Callable[[Saving], object] | None = None,
    ) -> Sequence[Path]:
        """Download the results into a directory and return their paths, in their order.

        Each file is written completely or not at all. Raises ``SaveFailed``, and ``JobFailed``
        or ``JobCancelled`` for a job without results.
        """
        return self._jobs.save(self, directory, on_progress=on_progress)

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


def bound(job: Job, jobs: Jobs) -> Job:
    """Bind a job to its client, and return it."""
    job.__dict__["jobs"] = jobs
    return job
