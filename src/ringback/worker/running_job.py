"""A job that a worker runs, and the ways to stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ringback.files.artifacts.names import artifact_url
from ringback.jobs.model import Job, JobResult
from ringback.styles.model import Trained
from ringback.worker.job_time import JobTime


class RunningJob:
    """A job with its task, its files and its time."""

    task: asyncio.Task[None]

    def __init__(self, job: Job) -> None:
        self.job = job
        self.give_back = False
        self.saved: list[str] = []
        self.previews: list[str] = []
        self.trained: Trained | None = None
        self.is_over = False  # only the clean-up is left, which is not cancelled
        self.is_ended = False  # by another process or request
        self.time = JobTime(None)
        self._has_begun = False
        self._is_cancelled = False

    def unnamed(self, names: Iterable[str], *, by: JobResult | None) -> list[str]:
        """Return the files among these that neither a result of the job nor its style names."""
        urls = () if by is None else by.files
        style = self.trained
        of_style = () if style is None else (style.artifact, *style.previews)
        base_url = self.job.base_url
        return [
            name
            for name in names
            if name not in of_style and artifact_url(name, base_url=base_url) not in urls
        ]

    def begin(self) -> None:
        """Raise ``CancelledError`` if the run was cancelled before its task started."""
        self._has_begun = True
        if self._is_cancelled:
            raise asyncio.CancelledError

    def end(self) -> None:
        """Stop the run of a job that has ended elsewhere."""
        self.is_ended = True
        self.cancel()

    def cancel(self) -> None:
        """Stop the run, once: a second time would break off how it gives its job back."""
        if self._is_cancelled:
            return
        self._is_cancelled = True
        # A task that is cancelled before its first step never runs, and would not free its slot.
        if self._has_begun and not self.is_over:
            self.task.cancel()

    def return_unharmed(self) -> None:
        """Stop the run, and give its job back to the queue."""
        self.give_back = True
        self.cancel()

    def is_stopped(self) -> bool:
        """Say whether the task was cancelled; an engine may raise ``CancelledError`` by itself."""
        return self.task.cancelling() > 0
