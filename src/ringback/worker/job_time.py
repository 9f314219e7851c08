"""The time limit of a job counts while its engine works, not while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class JobTime:
    """A job's time limit, which stops while the job waits for a slot."""

    def __init__(self, limit_s: float | None) -> None:
        self.timeout = asyncio.timeout(limit_s)
        self._pauses = 0  # an engine may wait for several slots at once
        self._left_s: float | None = None  # None: no limit, or not stopped

    def is_over(self) -> bool:
        """Say whether the job has used up its time."""
        return self.timeout.expired()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the time inside the context; it goes on afterwards."""
        self._pauses += 1
        when = self.timeout.when()
        if self._pauses == 1 and when is not None and not self.is_over():
            self._left_s = when - asyncio.get_running_loop().time()
            self.timeout.reschedule(None)
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses and self._left_s is not None:
                self.timeout.reschedule(asyncio.get_running_loop().time() + self._left_s)
                self._left_s = None
