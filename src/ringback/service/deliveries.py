"""The delivery service lists, redelivers, cancels and explains, and pauses destinations."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.clock import Clock
from ringback.errors import DeliveryConflict, DeliveryNotFound, DestinationNotFound
from ringback.log import get_logger
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.explanation import Caps, Explanation, Facts, explain
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination
from ringback.webhooks.store import DeliveryFilter, DeliveryPage

log = get_logger(__name__)

COUNTED_MAX = 1_000
"""Waiting deliveries are counted up to this many."""
_TRIES = 5  # the delivery may change hands between the read and the write


class DeliveryService:
    """The operations on deliveries and destinations.

    A workspace of None is the operator's, which covers every workspace.
    """

    def __init__(self, store: Store, *, clock: Clock, wakeups: Wakeups, caps: Caps) -> None:
        self._store = store
        self._clock = clock
        self._wakeups = wakeups
        self._caps = caps

    async def get(self, delivery_id: str, *, workspace_id: str | None) -> Delivery:
        """Return a delivery of this workspace, or raise ``DeliveryNotFound``."""
        delivery = await self._store.get_delivery(delivery_id)
        if delivery is None or workspace_id not in (None, delivery.workspace_id):
            raise DeliveryNotFound
        return delivery

    async def list_deliveries(
        self, delivery_filter: DeliveryFilter, *, limit: int, before_seq: int | None = None
    ) -> DeliveryPage:
        """Return a page of the log, newest first."""
        return await self._store.list_deliveries(
            delivery_filter, limit=limit, before_seq=before_seq
        )

    async def attempts_of(self, delivery: Delivery) -> list[Attempt]:
        """Return a delivery's attempts, in order."""
        return await self._store.attempts_of(delivery.delivery_id)

    async def attempts_of_each(self, deliveries: Sequence[Delivery]) -> list[list[Attempt]]:
        """Return the attempts of each delivery, in the deliveries' order."""
        attempts = await self._store.attempts_of_each([one.delivery_id for one in deliveries])
        return [attempts[one.delivery_id] for one in deliveries]

    async def redeliver(self, delivery_id: str, *, workspace_id: str | None) -> Delivery:
        """Restart the schedule of a delivery, due at once, with the same webhook-id and bytes.

        Raises ``DeliveryConflict`` while an attempt is in flight, and when there is no endpoint to
        send it to.
        """
        for _ in range(_TRIES):
            delivery = await self.get(delivery_id, workspace_id=workspace_id)
            await self._check_sendable(delivery)
            if await self._store.is_held(delivery):
                break
            if await self._store.redeliver(delivery, now_ms=self._clock.now_ms()):
                self._wakeups.deliveries.wake()
                self._wakeups.events.notify(delivery.workspace_id)  # wakes listener sessions
                log.info("delivery_redelivered", delivery_id=delivery_id)
                return await self.get(delivery_id, workspace_id=workspace_id)
        raise _in_flight()

    async def cancel(self, delivery_id: str, *, workspace_id: str | None) -> Delivery:
        """Cancel a waiting delivery; one that was cancelled before stays as it is.

        Raises ``DeliveryConflict`` when it has ended in another way. An attempt in flight may still
        arrive, and is not recorded.
        """
        for _ in range(_TRIES):
            delivery = await self.get(delivery_id, workspace_id=workspace_id)
            if delivery.status is DeliveryStatus.CANCELLED:
                return delivery
            if delivery.status is not DeliveryStatus.WAITING:
                raise DeliveryConflict(
                    "delivery_ended",
                    f"This delivery has ended as {delivery.status}; there is nothing to cancel.",
                )
            now_ms = self._clock.now_ms()
            if await self._store.end_delivery(delivery, DeliveryStatus.CANCELLED, now_ms=now_ms):
                log.info("delivery_cancelled", delivery_id=delivery_id)
                return await self.get(delivery_id, workspace_id=workspace_id)
        raise _in_flight()

    async def explain(self, delivery_id: str, *, workspace_id: str | None) -> Explanation:
        """Explain the state of a delivery, and when it will change."""
        delivery = await self.get(delivery_id, workspace_id=workspace_id)
        store, endpoint_id = self._store, delivery.endpoint_id
        attempts = await store.attempts_of(delivery_id)
        now_ms = self._clock.now_ms()
        at_ms = delivery.next_attempt_at_ms
        is_due = at_ms is not None and at_ms <= now_ms
        return explain(
            Facts(
                delivery=delivery,
                now_ms=now_ms,
                caps=self._caps,
                is_held=await store.is_held(delivery),
                destination=await store.get_destination(
                    delivery.workspace_id, delivery.destination
                ),
                endpoint=None if endpoint_id is None else await store.get_endpoint(endpoint_id),
                before_count=await store.waiting_before(delivery, limit=COUNTED_MAX)
                if is_due
                else 0,
                before_count_max=COUNTED_MAX,
                last_attempt=attempts[-1] if attempts else None,
            )
        )

    async def list_destinations(
        self, workspace_id: str, *, limit: int, after_origin: str = ""
    ) -> list[tuple[Destination, int]]:
        """Return a workspace's destinations, and how many deliveries wait at each."""
        found = await self._store.list_destinations(
            workspace_id, limit=limit, after_origin=after_origin
        )
        return await self._with_counts(found)

    async def destination(self, origin: str, *, workspace_id: str) -> tuple[Destination, int]:
        """Return a destination and how many wait there, or raise ``DestinationNotFound``."""
        ((destination, count),) = await self._with_counts(
            [await self._destination(workspace_id, origin)]
        )
        return destination, count

    async def pause(
        self, origin: str, *, workspace_id: str, paused: bool
    ) -> tuple[Destination, int]:
        """Pause a destination, or resume it; raises ``DestinationNotFound``."""
        known = await self._destination(workspace_id, origin)
        if (known.paused_at_ms is not None) != paused:
            paused_at_ms = self._clock.now_ms() if paused else None
            await self._store.pause_destination(known.destination_id, paused_at_ms=paused_at_ms)
            if paused:
                log.info("destination_paused", destination=origin)
            else:
                self._wakeups.deliveries.wake()
                log.info("destination_resumed", destination=origin)
        return await self.destination(origin, workspace_id=workspace_id)

    async def _destination(self, workspace_id: str, origin: str) -> Destination:
        destination = await self._store.get_destination(workspace_id, origin)
        if destination is None:
            raise DestinationNotFound
        return destination

    async def _with_counts(self, found: Sequence[Destination]) -> list[tuple[Destination, int]]:
        numbers = [destination.destination_id for destination in found]
        counts = await self._store.waiting_at(numbers, limit=COUNTED_MAX)
        return [(one, counts.get(one.destination_id, 0)) for one in found]

    async def _check_sendable(self, delivery: Delivery) -> None:
        """Raise ``DeliveryConflict`` when a delivery would only be discarded again."""
        if delivery.endpoint_id is None:
            return
        endpoint = await self._store.get_endpoint(delivery.endpoint_id)
        if endpoint is None:
            raise DeliveryConflict("endpoint_deleted", "The endpoint of this delivery was deleted.")
        if endpoint.disabled_at_ms is not None:
            raise DeliveryConflict(
                "endpoint_disabled",
                "The endpoint of this delivery is disabled; enable it, then redeliver.",
            )


def _in_flight() -> DeliveryConflict:
    return DeliveryConflict(
        "delivery_in_flight", "An attempt of this delivery is in flight; try again in a moment."
    )
