"""The listener service opens listeners, hands out their deliveries and records the answers.

It keeps nothing in memory: any process on the database may hand out a delivery, and any may get
the answer. The lease says which program holds a delivery, and the epoch whether an answer counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ringback.clock import Clock
from ringback.egress.answer import Answer
from ringback.errors import (
    DeliveryNotFound,
    EndpointConflict,
    ListenerNotFound,
    StaleAnswer,
    Undeliverable,
)
from ringback.log import get_logger
from ringback.service.endpoints import EndpointChanges, EndpointService
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.claim_rooms import half_of
from ringback.webhooks.delivery.dispatcher import DispatchSettings, log_attempt
from ringback.webhooks.delivery.listener_requests import ListenerRequest, ListenerRequestBuilder
from ringback.webhooks.delivery.recording import Rules, attempt_record_of
from ringback.webhooks.delivery.signed_attempt import AttemptResult, signing_of
from ringback.webhooks.delivery.signers import SignerCache
from ringback.webhooks.endpoints import Endpoint, FailingSettings
from ringback.webhooks.events import INTERIM_EVENTS
from ringback.webhooks.model import Delivery, DeliveryStatus

log = get_logger(__name__)

AT_ONCE_MAX = 32
"""How many deliveries one program may hold."""
_UNHEARD_AT_ONCE = 100


class HandedDelivery(Struct, frozen=True, kw_only=True):
    """A delivery that a program was handed, and the request that it posts."""

    delivery: Delivery
    request: ListenerRequest


class ListenerService:
    """The operations of programs that listen."""

    def __init__(
        self,
        store: Store,
        endpoints: EndpointService,
        signers: SignerCache,
        request_builder: ListenerRequestBuilder,
        *,
        clock: Clock,
        rng: Random,
        wakeups: Wakeups,
        settings: DispatchSettings,
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._signers = signers
        self._request_builder = request_builder
        self._clock = clock
        self._rng = rng
        self._wakeups = wakeups
        self._settings = settings
        self._rules = listening_rules(settings)

    @property
    def timeout_s(self) -> float:
        """Return how long a program may take for one attempt."""
        return self._settings.timeout_s

    def receivers_now_ms(self) -> int:
        """Return the receivers' time, which may differ from the server's in the emulator."""
        return self._request_builder.now_ms()

    @property
    def lease_s(self) -> float:
        """Return how long a program may keep a delivery before it is handed out again."""
        return self._settings.lease_s

    async def open(
        self, name: str, changes: EndpointChanges, *, workspace_id: str
    ) -> tuple[Endpoint, str | None]:
        """Create or change the workspace's listener of that name; return it, and its secret if new.

        Raises ``EndpointConflict`` when it is new and the workspace has as many as it may.
        """
        endpoint, secret = await self._endpoints.open_listener(workspace_id, name, changes)
        if secret is None:
            if _is_unheard(endpoint):
                changes = replace(changes, disabled=False)
            endpoint = await self._endpoints.change(
                endpoint.endpoint_id, changes, workspace_id=workspace_id
            )
        else:
            log.info("listener_made", endpoint_id=endpoint.endpoint_id, listener=name)
        return endpoint, secret

    async def named(self, name: str, *, workspace_id: str) -> Endpoint:
        """Return a listener of this workspace, or raise ``ListenerNotFound``."""
        for endpoint in await self._store.list_endpoints(workspace_id):
            if endpoint.listener == name:
                return endpoint
        raise ListenerNotFound

    async def forget(self, name: str, *, workspace_id: str) -> None:
        """Delete a listener and discard its waiting deliveries; their log stays."""
        endpoint = await self.named(name, workspace_id=workspace_id)
        await self._endpoints.delete(endpoint.endpoint_id, workspace_id=workspace_id)

    async def hear(self, name: str, *, workspace_id: str) -> Endpoint:
        """Record that a program of the listener is connected, and return the listener.

        A listener that was disabled for want of a program is enabled again. Raises
        ``ListenerNotFound``, or ``EndpointConflict`` when a person has disabled it.
        """
        endpoint = await self.named(name, workspace_id=workspace_id)
        if _is_unheard(endpoint):
            endpoint = await self._endpoints.change(
                endpoint.endpoint_id, EndpointChanges(disabled=False), workspace_id=workspace_id
            )
        if endpoint.disabled_at_ms is not None:
            raise EndpointConflict(
                "endpoint_disabled",
                "This listener is disabled; enable it first: PATCH "
                f'/webhooks/endpoints/{endpoint.endpoint_id} with {{"disabled": false}}.',
            )
        now_ms = self._clock.now_ms()
        heard = replace(endpoint, heard_at_ms=now_ms)
        # If the endpoint has just changed, the next call records it.
        is_written = await self._store.change_endpoint(heard, before=endpoint, now_ms=now_ms)
        return heard if is_written else endpoint

    async def due_in_s(self, endpoint: Endpoint) -> float | None:
        """Return how long until a delivery is due; None when none is known."""
        destination = await self._store.get_destination(endpoint.workspace_id, endpoint.destination)
        if destination is None or destination.paused_at_ms is not None:
            return None
        if destination.next_due_at_ms is None:
            return None
        due_ms = max(destination.next_due_at_ms, destination.breaker.open_until_ms or 0)
        return max(0.0, (due_ms - self._clock.now_ms()) / 1000)

    async def take(
        self, endpoint: Endpoint, *, at_once: int, held: Sequence[Delivery] = ()
    ) -> list[HandedDelivery]:
        """Hand out due deliveries to a program that may hold ``at_once``, and holds ``held``.

        Interim events get half of its slots, as at any destination.
        """
        now_ms = self._clock.now_ms()
        limit = at_once - len(held)
        interim = Counter(one.destination_id for one in held if one.event in INTERIM_EVENTS)
        claimed = await self._store.claim_due(
            now_ms=now_ms,
            limit=limit,
            limit_each=limit,
            lease_until_ms=now_ms + int(self.lease_s * 1000),
            interim_rooms={
                number: max(0, half_of(at_once) - count) for number, count in interim.items()
            },
            listener=endpoint,
        )
        handed = [await self._pack(delivery) for delivery in claimed]
        return [one for one in handed if one is not None]

    async def still_held(self, handed: Iterable[Delivery]) -> list[Delivery]:
        """Return those of the deliveries that their program still holds."""
        return [delivery for delivery in handed if await self._store.is_held(delivery)]

    async def answer(
        self,
        delivery: Delivery,
        answer: Answer,
        *,
        signed_at_ms: int,
        duration_ms: int,
    ) -> Delivery:
        """Record the receiver's answer that a program reports; return the delivery after it.

        Raises ``StaleAnswer`` without a change when the program no longer holds the delivery.
        """
        try:
            signing = await signing_of(delivery, self._signers)
        except Undeliverable as exc:
            raise StaleAnswer from exc
        packed = self._request_builder.build(delivery, signing, at_ms=signed_at_ms)
        result = AttemptResult(
            answer=self._request_builder.effective_answer(delivery, answer),
            headers=packed.headers if isinstance(packed, ListenerRequest) else [],
            secret_headers=frozenset(name for name, _ in signing.headers),
            schedule_s=signing.schedule_s,
        )
        return await self._record(delivery, result, duration_ms=duration_ms)

    async def give_back(self, delivery: Delivery) -> None:
        """Release a delivery that its program has not tried."""
        await self._store.release_deliveries([delivery], now_ms=self._clock.now_ms())
        self._wakeups.events.notify(delivery.workspace_id)

    async def held_delivery(
        self, delivery_id: str, *, name: str, epoch: int, workspace_id: str
    ) -> Delivery:
        """Return a delivery that this listener holds.

        Raises ``DeliveryNotFound`` when it is not the listener's, and ``StaleAnswer``.
        """
        delivery = await self._store.get_delivery(delivery_id)
        if delivery is None or delivery.workspace_id != workspace_id:
            raise DeliveryNotFound
        if delivery.url != (await self.named(name, workspace_id=workspace_id)).url:
            raise DeliveryNotFound
        if delivery.epoch != epoch or not await self._store.is_held(delivery):
            raise StaleAnswer
        return delivery

    async def disable_unheard(self) -> int:
        """Disable listeners that had no program for as long as an endpoint may fail."""
        now_ms = self._clock.now_ms()
        before_ms = now_ms - round(self._settings.failing.disable_after_s * 1000)
        unheard = await self._store.unheard_listeners(before_ms=before_ms, limit=_UNHEARD_AT_ONCE)
        for endpoint in unheard:
            disabled = replace(endpoint, disabled_at_ms=now_ms, disabled_reason="unheard")
            if await self._store.change_endpoint(disabled, before=endpoint, now_ms=now_ms):
                log.info("listener_disabled", endpoint_id=endpoint.endpoint_id)
        return len(unheard)

    async def _pack(self, delivery: Delivery) -> HandedDelivery | None:
        """Build a delivery's request; None when the delivery was discarded or held back instead."""
        try:
            signing = await signing_of(delivery, self._signers)
        except Undeliverable as exc:
            log.warning("delivery_discarded", delivery_id=delivery.delivery_id, detail=str(exc))
            now_ms = self._clock.now_ms()
            await self._store.end_delivery(delivery, DeliveryStatus.DISCARDED, now_ms=now_ms)
            return None
        packed = self._request_builder.build(
            delivery, signing, at_ms=self._request_builder.now_ms()
        )
        if isinstance(packed, ListenerRequest):
            return HandedDelivery(delivery=delivery, request=packed)
        result = AttemptResult(answer=packed, headers=[], schedule_s=signing.schedule_s)
        await self._record(delivery, result, duration_ms=0)
        return None

    async def _record(
        self, delivery: Delivery, result: AttemptResult, *, duration_ms: int
    ) -> Delivery:
        now_ms = self._clock.now_ms()
        record = attempt_record_of(
            # The wait for a program is no part of the schedule.
            replace(delivery, round_started_at_ms=now_ms),
            result,
            started_at_ms=now_ms - duration_ms,
            now_ms=now_ms,
            rules=self._rules,
            rng=self._rng,
        )
        # A 410 ends the delivery, but not the listener: its program may still be in development.
        outcome = await self._store.record_attempt(replace(record, gone=False))
        if not outcome.written:
            raise StaleAnswer
        log_attempt(record, detail=result.answer.detail)
        self._wakeups.events.notify(delivery.workspace_id)
        return record.delivery


def listening_rules(settings: DispatchSettings) -> Rules:
    """Return the rules for a listener's attempts: its breaker never pauses for longer than once.

    Its program is likely to be restarted soon, and a listener is never disabled for failing.
    """
    breaker = settings.breaker
    return replace(
        settings.rules,
        breaker=replace(breaker, pause_s_max=min(breaker.pause_s, breaker.pause_s_max)),
        failing=FailingSettings(disable_after_s=inf, warn_percents=()),
    )


def _is_unheard(endpoint: Endpoint) -> bool:
    return endpoint.disabled_reason == "unheard"
