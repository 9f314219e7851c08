"""The emulator's carrier and packer: what the lab asks for happens to webhooks on their way."""

from __future__ import annotations

from functools import lru_cache, partial

from msgspec.structs import replace

from ringback.egress.answer import Answer
from ringback.lab.clock import LabClock
from ringback.lab.courier import LabCourier
from ringback.lab.deliveries import Parcel as LabParcel
from ringback.lab.deliveries import again_after_ms, held_answer, lost_answer, plan_attempt
from ringback.lab.faults import parse_faults
from ringback.webhooks.courier import Attempted, Courier, headers_for
from ringback.webhooks.model import Delivery
from ringback.webhooks.parcels import Parcel, SignedPacker
from ringback.webhooks.signing import Signing
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
            LabParcel(tuple(headers), delivery.body),
            destination=f"{delivery.workspace_id} {delivery.destination}",
            attempt_number=delivery.attempts_count + 1,
            now_s=now_ms // 1000,
            sign=partial(_sign, delivery, signing),
            post=partial(self._post, delivery),
        )
        return Attempted(
            answer=answer,
            headers=[] if sent is None else list(sent.headers),
            secret_headers=frozenset(name for name, _ in signing.headers),
            schedule_s=signing.schedule_s,
        )

    async def _post(self, delivery: Delivery, parcel: LabParcel) -> Answer:
        return await self._courier.post(delivery, list(parcel.headers), parcel.body)


class FaultyPacker(SignedPacker):
    """Packs for listeners, with faults where a delivery has any; the order they come in stays.

    It signs as of the machine's time, as ``FaultyCarrier`` does.
    """

    def __init__(self, clock: LabClock) -> None:
        super().__init__(clock)
        self._lab_clock = clock

    def now_ms(self) -> int:
        """Return what time receivers have."""
        return self._lab_clock.machine_ms()

    def pack(self, delivery: Delivery, signing: Signing, *, at_ms: int) -> Parcel | Answer:
        """Return the delivery as the lab would have it."""
        right = super().pack(delivery, signing, at_ms=at_ms)
        if delivery.lab is None or not isinstance(right, Parcel):
            return right
        plan = plan_attempt(
            _faults(delivery.lab),
            LabParcel(tuple(right.headers), right.body),
            attempt_number=delivery.attempts_count + 1,
            now_s=at_ms // 1000,
            sign=partial(_sign, delivery, signing),
        )
        if not plan.parcels:
            return held_answer()
        spoiled = plan.parcels[0]
        return replace(
            right,
            headers=list(spoiled.headers),
            body=spoiled.body,
            copies=len(plan.parcels),
            at_once=plan.at_once,
        )

    def heard(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return the answer, or what is left of it when the lab throws it away."""
        if delivery.lab is None or answer.reason is not None:
            return answer
        again_ms = again_after_ms(_faults(delivery.lab), attempt_number=delivery.attempts_count + 1)
        return lost_answer(answer, again_ms) if again_ms else answer


def _sign(delivery: Delivery, signing: Signing, at_s: int) -> list[tuple[bytes, bytes]]:
    return webhook_headers(
        signing.signers, webhook_id=delivery.delivery_id, timestamp_s=at_s, body=delivery.body
    )


_faults = lru_cache(maxsize=256)(parse_faults)
