"""The feed reads a workspace's events in commit order, and waits for new ones."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.service.jobs import JobService
from ringback.storage.contract import Store
from ringback.wakeups import Wakeup, Wakeups
from ringback.webhooks.store import FeedItem

_POLL_S = 1.0  # another process may write events without a wakeup here


class EventFeed:
    """Reads the events after a sequence number, and waits where there are none yet."""

    def __init__(
        self, store: Store, service: JobService, *, clock: Clock, wakeups: Wakeups
    ) -> None:
        self._store = store
        self._service = service
        self._clock = clock
        self._wakeups = wakeups

    @property
    def is_ending(self) -> bool:
        """Say whether the server is shutting down, which ends every wait."""
        return self._service.is_draining

    async def latest(self, workspace_id: str) -> int:
        """Return the sequence number of the newest event, or 0."""
        return await self._store.last_event_seq(workspace_id)

    async def after(
        self, workspace_id: str, *, seq: int, limit: int, wait_s: float = 0.0
    ) -> list[FeedItem]:
        """Return the events after ``seq``; none if none came within ``wait_s``.

        A wait ends when the server shuts down.
        """
        deadline = self._clock.monotonic() + wait_s
        wakeup = Wakeup()
        with (
            self._wakeups.events.watch(workspace_id, wakeup.wake),
            self._service.waking_at_drain(wakeup),
        ):
            while True:
                # This is one index lookup; the events are read in the thread for scans.
                if await self._store.last_event_seq(workspace_id) > seq:
                    return await self._store.events_after(workspace_id, seq=seq, limit=limit)
                left_s = deadline - self._clock.monotonic()
                if left_s <= 0 or self.is_ending:
                    return []
                await wakeup.wait(min(left_s, _POLL_S))
