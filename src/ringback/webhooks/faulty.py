"""The emulator's carrier: what the lab asks for happens to webhooks on their way."""

from __future__ import annotations

from functools import lru_cache, partial

from ringback.egress.answer import Answer
from ringback.lab.clock import LabClock
from ringback.lab.courier import LabCourier
from ringback.lab.deliveries import Parcel
from ringback.lab.faults import parse_faults
from ringback.webhooks.courier import Attempted, Courier, headers_for
from ringback.webhooks.model import Delivery
from ringback.wire.signature import webhook_headers


class FaultyCarrier:
    """Carries by the courier, with faults where a delivery has any.

    It signs as of the machine's time, however far the emulator's was moved: receivers look at the
    clock on their own wall.
    """

    def __init__(self, courier: Courier, clock: LabClock) -> None:
        self._courier = courier
        self._clock = clock
        self._lab = LabCourier(clock)

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> Attempted:
        """Make the attempt as the lab would have it."""
        now_ms = self._clock.machine_ms()
        if delivery.lab is None:
            return await self._courier.attempt(delivery, now_ms=now_ms)
        signing = await self._courier.signing_of(delivery)
        headers = headers_for(delivery, signing, now_ms=now_ms)
        answer, sent = await self._lab.attempt(
            _faults(delivery.lab),
            Parcel(tuple(headers), delivery.body),
            destination=f"{delivery.workspace_id} {delivery.destination}",
            attempt_number=delivery.attempts_count + 1,
            now_s=now_ms // 1000,
            sign=lambda at_s: webhook_headers(
                signing.signers,
                webhook_id=delivery.delivery_id,
                timestamp_s=at_s,
                body=delivery.body,
            ),
            post=partial(self._post, delivery),
        )
        return Attempted(
            answer=answer,
            headers=[] if sent is None else list(sent.headers),
            secret_headers=frozenset(name for name, _ in signing.headers),
            schedule_s=signing.schedule_s,
        )

    async def _post(self, delivery: Delivery, parcel: Parcel) -> Answer:
        return await self._courier.post(delivery, list(parcel.headers), parcel.body)


_faults = lru_cache(maxsize=256)(parse_faults)
