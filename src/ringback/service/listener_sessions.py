"""Hands out a listener's deliveries to its program for as long as that is connected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from ringback.clock import Clock
from ringback.errors import CallerError, StorageError
from ringback.log import get_logger, log_waiting
from ringback.service.jobs import JobService
from ringback.service.listeners import HandedDelivery, ListenerService
from ringback.wakeups import Wakeup, Wakeups
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Delivery

log = get_logger(__name__)

HEARD_EVERY_S = 15.0
_POLL_S = 1.0  # another process may write a delivery, or record an answer
_POLL_FULL_S = 0.1  # while the program holds all that it may, and more is due
_TICK_S = 0.001


class ListenerSession:
    """Hands out a listener's deliveries to one program, a few at a time.

    The program holds at most ``at_once``: a slot becomes free when its delivery was answered, in
    any process, or its lease has ended.
    """

    def __init__(
        self, listeners: ListenerService, jobs: JobService, *, clock: Clock, wakeups: Wakeups
    ) -> None:
        self._listeners = listeners
        self._jobs = jobs
        self._clock = clock
        self._wakeups = wakeups

    async def hand_out(
        self, listener: Endpoint, *, at_once: int
    ) -> AsyncIterator[list[HandedDelivery]]:
        """Yield deliveries as they are handed out, and an empty list now and then as a heartbeat.

        It ends when the server shuts down, or the listener is deleted or disabled.
        """
        wakeup = Wakeup()
        held: list[Delivery] = []
        heard_at = self._clock.monotonic()
        with (
            self._wakeups.events.watch(listener.workspace_id, wakeup.wake),
            self._jobs.waking_at_drain(wakeup),
        ):
            while not self._jobs.is_draining:
                held = await self._listeners.still_held(held)
                handed = await self._take(listener, held, at_once)
                held += [one.delivery for one in handed]
                is_time = self._clock.monotonic() - heard_at >= HEARD_EVERY_S
                if is_time:
                    heard_at = self._clock.monotonic()
                    if not await self._is_still_there(listener):
                        return
                if handed or is_time:
                    yield handed
                await wakeup.wait(await self._wait_s(listener, is_full=len(held) >= at_once))

    async def _take(
        self, listener: Endpoint, held: Sequence[Delivery], at_once: int
    ) -> list[HandedDelivery]:
        if len(held) >= at_once:
            return []
        try:
            return await self._listeners.take(listener, held=held, at_once=at_once)
        except StorageError as exc:
            # A claim is a write: it is tried again when storage is back.
            log_waiting(log, exc, endpoint_id=listener.endpoint_id)
            return []

    async def _is_still_there(self, listener: Endpoint) -> bool:
        assert listener.listener is not None
        try:
            current = await self._listeners.hear(
                listener.listener, workspace_id=listener.workspace_id
            )
        except StorageError:
            return True
        except CallerError:
            return False
        return current.endpoint_id == listener.endpoint_id

    async def _wait_s(self, listener: Endpoint, *, is_full: bool) -> float:
        due_in_s = await self._listeners.due_in_s(listener)
        if due_in_s is None:
            return _POLL_S
        if is_full:
            return _POLL_FULL_S
        # A due delivery that was not handed out waits for its destination's flight.
        return min(max(due_in_s, _TICK_S), _POLL_S) if due_in_s else _POLL_FULL_S
