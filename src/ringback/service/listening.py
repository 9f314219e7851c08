"""A connected program: what it is handed, for as long as it listens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from ringback.clock import Clock
from ringback.doorbell import Bells, Doorbell
from ringback.errors import CallerError, StorageFull
from ringback.log import get_logger
from ringback.service.jobs import Service
from ringback.service.listeners import Handed, ListenerDesk
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Delivery

log = get_logger(__name__)

HEARD_EVERY_S = 15.0
_LOOK_AGAIN_S = 1.0  # deliveries may be owed, or answered, by way of another process
_LOOK_SOON_S = 0.1  # while all that it may hold is in its hands, and more is due
_TICK_S = 0.001


class Listening:
    """Hands out a listener's deliveries to one program, a few at a time.

    It has so many in its hands and no more: what it was handed is looked up, and gives its place
    free when it was answered, wherever that was, or when its time is over.
    """

    def __init__(self, desk: ListenerDesk, service: Service, *, clock: Clock, bells: Bells) -> None:
        self._desk = desk
        self._service = service
        self._clock = clock
        self._bells = bells

    async def handed_out(self, listener: Endpoint, *, at_once: int) -> AsyncIterator[list[Handed]]:
        """Yield what is handed out, and nothing from time to time, until the server goes down.

        It also ends when the listener is no more, or is disabled.
        """
        bell = Doorbell()
        held: list[Delivery] = []
        heard_at = self._clock.monotonic()
        with (
            self._bells.told.watch(listener.workspace_id, bell.ring),
            self._service.ringing_at_drain(bell),
        ):
            while not self._service.is_draining:
                held = await self._desk.held_of(held)
                handed = await self._take(listener, held, at_once)
                held += [one.delivery for one in handed]
                is_time = self._clock.monotonic() - heard_at >= HEARD_EVERY_S
                if is_time:
                    heard_at = self._clock.monotonic()
                    if not await self._is_still_there(listener):
                        return
                if handed or is_time:
                    yield handed
                await bell.wait(await self._wait_s(listener, is_full=len(held) >= at_once))

    async def _take(
        self, listener: Endpoint, held: Sequence[Delivery], at_once: int
    ) -> list[Handed]:
        if len(held) >= at_once:
            return []
        try:
            return await self._desk.take(listener, held=held, at_once=at_once)
        except StorageFull:
            # Claims are writes: it goes on when there is room.
            log.warning("storage_full", endpoint_id=listener.endpoint_id)
            return []

    async def _is_still_there(self, listener: Endpoint) -> bool:
        assert listener.listener is not None
        try:
            now = await self._desk.hear(listener.listener, workspace_id=listener.workspace_id)
        except StorageFull:
            return True
        except CallerError:
            return False
        return now.endpoint_id == listener.endpoint_id

    async def _wait_s(self, listener: Endpoint, *, is_full: bool) -> float:
        due_in_s = await self._desk.due_in_s(listener)
        if due_in_s is None:
            return _LOOK_AGAIN_S
        if is_full:
            return _LOOK_SOON_S
        # What is due and was not handed out has its destination's flight before it.
        return min(max(due_in_s, _TICK_S), _LOOK_AGAIN_S) if due_in_s else _LOOK_SOON_S
