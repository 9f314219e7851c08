"""Wakeups within one process: hints to a loop that waits for work, or to a watcher of one job.

They only shorten a wait. Each waiter also polls the store from time to time, because work may
come from another process, or a crash may lose a wakeup.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Wakeup:
    """Wakes the one loop that waits on it; a wakeup before the wait is kept, once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_set(self) -> bool:
        """Say whether the next wait will return at once."""
        return self._event.is_set()

    def wake(self) -> None:
        """Wake the waiter, now or as soon as it waits."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Return at a wakeup since the last wait, or after the timeout."""
        if not self._event.is_set():
            loop = asyncio.get_running_loop()
            timer = loop.call_later(timeout_s, self._event.set)
            try:
                await self._event.wait()
            finally:
                timer.cancel()
        self._event.clear()


class Subscriptions:
    """Callbacks by key: a job's id, or a workspace's."""

    def __init__(self) -> None:
        self._watching: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    @contextmanager
    def watch(self, key: str, callback: Callable[[], None]) -> Iterator[None]:
        """Call back whenever ``notify`` names this key, until the context is left."""
        self._watching[key].append(callback)
        try:
            yield
        finally:
            callbacks = self._watching[key]
            callbacks.remove(callback)
            if not callbacks:
                del self._watching[key]

    def notify(self, key: str) -> None:
        """Call every callback that watches this key."""
        for callback in tuple(self._watching.get(key, ())):
            callback()


class Wakeups:
    """The wakeups of one process, for its worker, its dispatcher and its watchers."""

    def __init__(self) -> None:
        self.queued = Wakeup()
        self.deliveries = Wakeup()
        self.ended = Subscriptions()  # by job
        self.provider_webhooks = Subscriptions()  # by job
        self.events = Subscriptions()  # by workspace
