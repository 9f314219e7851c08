"""What a listener's program is handed for one attempt, and what its answer comes to."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from ringback.clock import Clock
from ringback.egress.answer import Answer
from ringback.webhooks.courier import Headers, headers_for
from ringback.webhooks.model import Delivery
from ringback.webhooks.signing import Signing


class Parcel(Struct, frozen=True, kw_only=True):
    """One request as the program is to post it, and how often; signed at that time."""

    headers: Headers
    body: bytes
    signed_at_ms: int
    copies: int = 1
    at_once: bool = False  # the copies do not wait for each other


class Packer(Protocol):
    """Makes parcels; pure, so that a report may be judged by another process than packed it."""

    def now_ms(self) -> int:
        """Return what time receivers have."""

    def pack(self, delivery: Delivery, signing: Signing, *, at_ms: int) -> Parcel | Answer:
        """Return what is handed out, or what came of an attempt that is held back."""

    def heard(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return what the answer to a parcel comes to."""


class SignedPacker:
    """Packs what the courier would post."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        """Return what time receivers have."""
        return self._clock.now_ms()

    def pack(self, delivery: Delivery, signing: Signing, *, at_ms: int) -> Parcel | Answer:
        """Return the delivery, signed."""
        return Parcel(
            headers=headers_for(delivery, signing, now_ms=at_ms),
            body=delivery.body,
            signed_at_ms=at_ms,
        )

    def heard(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return the answer."""
        return answer
