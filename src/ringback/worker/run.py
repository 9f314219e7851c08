"""One job in a worker's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ringback.jobs.model import Job
from ringback.styles.model import Trained


class Run:
    """One job in the worker's hands."""

    task: asyncio.Task[None]

    def __init__(self, job: Job) -> None:
        self.job = job
        self.give_back = False
        self.saved: list[str] = []
        self.previews: list[str] = []
        self.trained: Trained | None = None
        self.is_over = False  # then tidying up is all that is left, and nobody stops that
        self.is_ended = False  # by somebody else
        self.is_out_of_time: Callable[[], bool] = lambda: False
        self._has_begun = False
        self._is_unwanted = False

    def begin(self) -> None:
        """Raise ``CancelledError`` if the run was cancelled before its task came to run."""
        self._has_begun = True
        if self._is_unwanted:
            raise asyncio.CancelledError

    def end(self) -> None:
        """Stop the run of a job that somebody has ended."""
        self.is_ended = True
        self.cancel()

    def cancel(self) -> None:
        """Stop the run."""
        self._is_unwanted = True
        # A task cancelled before its first step never takes it: nobody would free the place.
        if self._has_begun and not self.is_over:
            self.task.cancel()

    def return_unharmed(self) -> None:
        """Stop the run, and let its job go back to the queue."""
        self.give_back = True
        self.cancel()

    def is_stopped(self) -> bool:
        """Say whether somebody cancelled the task; an engine may raise the same by itself."""
        return self.task.cancelling() > 0
