"""Wake-ups within one process: a bell for a loop that waits for work, watchers for one job's end.

Both only save waiting. Whoever waits also looks at the store from time to time, because work may
come from another process or be missed in a crash.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Doorbell:
    """Wakes the one loop that waits on it; rings while nobody waits are remembered once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    @property
    def is_rung(self) -> bool:
        """Say whether the next wait will return at once."""
        return self._rung.is_set()

    def ring(self) -> None:
        """Wake the waiter, now or as soon as it waits."""
        self._rung.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when the bell has rung since the last wait, or after the timeout."""
        if not self._rung.is_set():
            loop = asyncio.get_running_loop()
            timer = loop.call_later(timeout_s, self._rung.set)
            try:
                await self._rung.wait()
            finally:
                timer.cancel()
        self._rung.clear()


class Watchers:
    """Callbacks on single jobs, for requests that wait for an end and workers that run the job."""

    def __init__(self) -> None:
        self._watching: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    @contextmanager
    def watch(self, job_id: str, callback: Callable[[], None]) -> Iterator[None]:
        """Call back whenever ``tell`` names the job, until the context is left."""
        self._watching[job_id].append(callback)
        try:
            yield
        finally:
            callbacks = self._watching[job_id]
            callbacks.remove(callback)
            if not callbacks:
                del self._watching[job_id]

    def tell(self, job_id: str) -> None:
        """Call back everybody who watches this job."""
        for callback in tuple(self._watching.get(job_id, ())):
            callback()


class Bells:
    """Who is woken by what the verbs write: the worker, the dispatcher, whoever watches a job."""

    def __init__(self) -> None:
        self.queued = Doorbell()
        self.owed = Doorbell()
        self.ended = Watchers()  # by job
        self.hooked = Watchers()  # a provider has news, by job
        self.told = Watchers()  # events, by workspace
