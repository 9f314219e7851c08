"""The feed: a workspace's events in the order of commits, for whoever catches up or listens."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.doorbell import Bells, Doorbell
from ringback.service.jobs import Service
from ringback.storage.contract import Store
from ringback.webhooks.desk import FeedItem

_LOOK_AGAIN_S = 1.0  # events may be written by another process, which rings no bell here


class EventFeed:
    """Reads events after a place, and waits for them where there are none yet."""

    def __init__(self, store: Store, service: Service, *, clock: Clock, bells: Bells) -> None:
        self._store = store
        self._service = service
        self._clock = clock
        self._bells = bells

    @property
    def is_ending(self) -> bool:
        """Say whether the server is going down, so that nobody shall wait."""
        return self._service.is_draining

    async def latest(self, workspace_id: str) -> int:
        """Return the place of the newest event, or 0."""
        return await self._store.last_event_seq(workspace_id)

    async def after(
        self, workspace_id: str, *, seq: int, limit: int, wait_s: float = 0.0
    ) -> list[FeedItem]:
        """Return the events after that place; none when there were none for so long.

        Nobody waits when the server goes down.
        """
        deadline = self._clock.monotonic() + wait_s
        told = Doorbell()
        with (
            self._bells.told.watch(workspace_id, told.ring),
            self._service.ringing_at_drain(told),
        ):
            while True:
                # A glance by index; events themselves are read in the scans' thread.
                if await self._store.last_event_seq(workspace_id) > seq:
                    return await self._store.events_after(workspace_id, seq=seq, limit=limit)
                left_s = deadline - self._clock.monotonic()
                if left_s <= 0 or self.is_ending:
                    return []
                await told.wait(min(left_s, _LOOK_AGAIN_S))
