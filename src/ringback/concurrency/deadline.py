"""A deadline that several steps share, and a wait that ends with a timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_CANCELLING_S = 0.1  # most work ends at once when it is cancelled


class Deadline:
    """A time limit that starts when the object is made."""

    def __init__(self, total_s: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._total_s = total_s
        self._ends_at = monotonic() + total_s

    @property
    def left_s(self) -> float:
        """Return the seconds left, 0 after the end."""
        return max(0.0, self._ends_at - self._monotonic())

    def left_until_s(self, share: float) -> float:
        """Return how long it is until that share of the time, between 0 and 1, has passed."""
        return max(0.0, self._ends_at - self._total_s * (1 - share) - self._monotonic())


async def ends_in_time(work: Coroutine[Any, Any, object], timeout_s: float) -> bool:
    """Run the coroutine with a timeout and return whether it ended; its exception is raised.

    After the timeout it is cancelled and awaited for a short time only, so a coroutine that
    ignores its cancellation does not block the caller.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=timeout_s)
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_CANCELLING_S)
            task.add_done_callback(_see_error)
            return False
    except asyncio.CancelledError:
        task.cancel()
        raise
    task.result()
    return True


def _see_error(task: asyncio.Future[Any]) -> None:
    """Retrieve the task's exception, so that asyncio does not print it as unretrieved."""
    if not task.cancelled():
        task.exception()
