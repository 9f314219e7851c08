"""The verbs on listeners: open one, hand out what waits for it, record what its program answers.

Nothing of it is kept in memory: any process that serves the database may hand out, and any may
be told the answer. The lease says who has what, and the epoch of an answer whether it counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.egress.answer import Answer
from ringback.errors import (
    DeliveryNotFound,
    EndpointConflict,
    ListenerNotFound,
    StaleAnswer,
    Undeliverable,
)
from ringback.log import get_logger
from ringback.service.endpoints import EndpointDesk, EndpointWish
from ringback.storage.contract import Store
from ringback.webhooks.courier import Attempted, signing_of
from ringback.webhooks.dispatcher import DispatchSettings, log_attempt
from ringback.webhooks.endpoints import Endpoint, FailingSettings
from ringback.webhooks.events import PASSING_EVENTS
from ringback.webhooks.judgement import Rules, recording_of
from ringback.webhooks.lines import half_of
from ringback.webhooks.model import Delivery, DeliveryStatus
from ringback.webhooks.parcels import Packer, Parcel
from ringback.webhooks.signing import SigningBook

log = get_logger(__name__)

AT_ONCE_MAX = 32
"""Deliveries that one program may have in its hands."""
_UNHEARD_AT_ONCE = 100


class Handed(Struct, frozen=True, kw_only=True):
    """A delivery that a program was handed, and what of it is to be posted."""

    delivery: Delivery
    parcel: Parcel


class ListenerDesk:
    """What programs that listen may do."""

    def __init__(
        self,
        store: Store,
        endpoints: EndpointDesk,
        book: SigningBook,
        packer: Packer,
        *,
        clock: Clock,
        rng: Random,
        bells: Bells,
        settings: DispatchSettings,
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._book = book
        self._packer = packer
        self._clock = clock
        self._rng = rng
        self._bells = bells
        self._settings = settings
        self._rules = listening_rules(settings)

    @property
    def timeout_s(self) -> float:
        """How long a program may take for one attempt."""
        return self._settings.timeout_s

    def receivers_now_ms(self) -> int:
        """Return what time receivers have: in the emulator it may differ from the server's."""
        return self._packer.now_ms()

    @property
    def lease_s(self) -> float:
        """How long a program may keep a delivery before it is handed out again."""
        return self._settings.lease_s

    async def open(
        self, name: str, wish: EndpointWish, *, workspace_id: str
    ) -> tuple[Endpoint, str | None]:
        """Return the workspace's listener of that name as wished, and its secret if it is new.

        Raises ``EndpointConflict`` when it is new and the workspace has as many as it may.
        """
        endpoint, secret = await self._endpoints.open_listener(workspace_id, name, wish)
        if secret is None:
            change = replace(wish, disabled=False) if _is_unheard(endpoint) else wish
            endpoint = await self._endpoints.change(
                endpoint.endpoint_id, change, workspace_id=workspace_id
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
        """Forget a listener; what waits for it is discarded, its log stays."""
        endpoint = await self.named(name, workspace_id=workspace_id)
        await self._endpoints.delete(endpoint.endpoint_id, workspace_id=workspace_id)

    async def hear(self, name: str, *, workspace_id: str) -> Endpoint:
        """Note that a program of the listener is connected, and return the listener.

        One that was disabled because nobody was is enabled again. Raises ``ListenerNotFound``, or
        ``EndpointConflict`` when a person has disabled it.
        """
        endpoint = await self.named(name, workspace_id=workspace_id)
        if _is_unheard(endpoint):
            endpoint = await self._endpoints.change(
                endpoint.endpoint_id, EndpointWish(disabled=False), workspace_id=workspace_id
            )
        if endpoint.disabled_at_ms is not None:
            raise EndpointConflict(
                "endpoint_disabled",
                "This listener is disabled; enable it first: PATCH "
                f'/webhooks/endpoints/{endpoint.endpoint_id} with {{"disabled": false}}.',
            )
        now_ms = self._clock.now_ms()
        heard = replace(endpoint, heard_at_ms=now_ms)
        # Should it have changed just now, the next time notes it.
        done = await self._store.change_endpoint(heard, before=endpoint, now_ms=now_ms)
        return heard if done else endpoint

    async def due_in_s(self, endpoint: Endpoint) -> float | None:
        """Return how long until something may be handed out; None when nothing is known to be."""
        destination = await self._store.get_destination(endpoint.workspace_id, endpoint.destination)
        if destination is None or destination.paused_at_ms is not None:
            return None
        if destination.next_due_at_ms is None:
            return None
        due_ms = max(destination.next_due_at_ms, destination.breaker.open_until_ms or 0)
        return max(0.0, (due_ms - self._clock.now_ms()) / 1000)

    async def take(
        self, endpoint: Endpoint, *, at_once: int, held: Sequence[Delivery] = ()
    ) -> list[Handed]:
        """Hand out what is due to a program that may have so many, and has some of them.

        Passing events have half of its places, as at any destination.
        """
        now_ms = self._clock.now_ms()
        limit = at_once - len(held)
        passing = Counter(one.destination_id for one in held if one.event in PASSING_EVENTS)
        claimed = await self._store.claim_due(
            now_ms=now_ms,
            limit=limit,
            limit_each=limit,
            lease_until_ms=now_ms + int(self.lease_s * 1000),
            passing_rooms={
                number: max(0, half_of(at_once) - count) for number, count in passing.items()
            },
            listener=endpoint,
        )
        handed = [await self._pack(delivery) for delivery in claimed]
        return [one for one in handed if one is not None]

    async def held_of(self, handed: Iterable[Delivery]) -> list[Delivery]:
        """Return which of these deliveries are still in their program's hands."""
        return [delivery for delivery in handed if await self._store.is_held(delivery)]

    async def answer(
        self,
        delivery: Delivery,
        answer: Answer,
        *,
        signed_at_ms: int,
        duration_ms: int,
    ) -> Delivery:
        """Judge and record what a program brings of its receiver; return the delivery after it.

        Raises ``StaleAnswer``, having changed nothing, when it is no longer in its hands.
        """
        try:
            signing = await signing_of(delivery, self._book)
        except Undeliverable as exc:
            raise StaleAnswer from exc
        packed = self._packer.pack(delivery, signing, at_ms=signed_at_ms)
        attempted = Attempted(
            answer=self._packer.heard(delivery, answer),
            headers=packed.headers if isinstance(packed, Parcel) else [],
            secret_headers=frozenset(name for name, _ in signing.headers),
            schedule_s=signing.schedule_s,
        )
        return await self._record(delivery, attempted, duration_ms=duration_ms)

    async def give_back(self, delivery: Delivery) -> None:
        """Take a delivery back from a program that has not tried it."""
        await self._store.release_deliveries([delivery], now_ms=self._clock.now_ms())
        self._bells.told.tell(delivery.workspace_id)

    async def in_hands(
        self, delivery_id: str, *, name: str, epoch: int, workspace_id: str
    ) -> Delivery:
        """Return a delivery that this listener was handed and holds.

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
        """Disable listeners to which no program came for as long as an endpoint may fail."""
        now_ms = self._clock.now_ms()
        before_ms = now_ms - round(self._settings.failing.disable_after_s * 1000)
        found = await self._store.unheard_listeners(before_ms=before_ms, limit=_UNHEARD_AT_ONCE)
        for endpoint in found:
            silent = replace(endpoint, disabled_at_ms=now_ms, disabled_reason="unheard")
            if await self._store.change_endpoint(silent, before=endpoint, now_ms=now_ms):
                log.info("listener_disabled", endpoint_id=endpoint.endpoint_id)
        return len(found)

    async def _pack(self, delivery: Delivery) -> Handed | None:
        """Pack a delivery; one that cannot be handed out is ended, or recorded as held back."""
        try:
            signing = await signing_of(delivery, self._book)
        except Undeliverable as exc:
            log.warning("delivery_discarded", delivery_id=delivery.delivery_id, detail=str(exc))
            now_ms = self._clock.now_ms()
            await self._store.end_delivery(delivery, DeliveryStatus.DISCARDED, now_ms=now_ms)
            return None
        packed = self._packer.pack(delivery, signing, at_ms=self._packer.now_ms())
        if isinstance(packed, Parcel):
            return Handed(delivery=delivery, parcel=packed)
        attempted = Attempted(answer=packed, headers=[], schedule_s=signing.schedule_s)
        await self._record(delivery, attempted, duration_ms=0)
        return None

    async def _record(
        self, delivery: Delivery, attempted: Attempted, *, duration_ms: int
    ) -> Delivery:
        now_ms = self._clock.now_ms()
        recording = recording_of(
            # What it waited for its program is no part of its schedule.
            replace(delivery, round_started_at_ms=now_ms),
            attempted,
            started_at_ms=now_ms - duration_ms,
            now_ms=now_ms,
            rules=self._rules,
            rng=self._rng,
        )
        # 410 ends the delivery; a program that is being written does not end its listener by it.
        recorded = await self._store.record_attempt(replace(recording, gone=False))
        if not recorded.written:
            raise StaleAnswer
        log_attempt(recording, detail=attempted.answer.detail)
        self._bells.told.tell(delivery.workspace_id)
        return recording.delivery


def listening_rules(settings: DispatchSettings) -> Rules:
    """Return by what a listener's attempts are judged: as others, but a pause stays short.

    Behind it is a program that somebody is about to start again, and that is never disabled for
    failing.
    """
    breaker = settings.breaker
    return Rules(
        schedule_s=settings.schedule_s,
        breaker=replace(breaker, pause_s_max=min(breaker.pause_s, breaker.pause_s_max)),
        failing=FailingSettings(disable_after_s=inf, warn_percents=()),
    )


def _is_unheard(endpoint: Endpoint) -> bool:
    return endpoint.disabled_reason == "unheard"
