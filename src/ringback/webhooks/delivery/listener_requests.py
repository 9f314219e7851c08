"""Builds the requests that a listener's program posts, and reads its receiver's answers."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from ringback.clock import Clock
from ringback.egress.answer import Answer
from ringback.webhooks.delivery.signed_attempt import Headers, headers_for
from ringback.webhooks.delivery.signers import Signing
from ringback.webhooks.model import Delivery


class ListenerRequest(Struct, frozen=True, kw_only=True):
    """A request for the program to post, with its number of copies; signed at that time."""

    headers: Headers
    body: bytes
    signed_at_ms: int
    copies: int = 1
    at_once: bool = False  # the copies do not wait for each other


class ListenerRequestBuilder(Protocol):
    """Builds requests; pure, so that another process may handle the answer."""

    def now_ms(self) -> int:
        """Return the receivers' time."""

    def build(
        self, delivery: Delivery, signing: Signing, *, at_ms: int
    ) -> ListenerRequest | Answer:
        """Return the request to hand out, or the answer of an attempt that is held back."""

    def effective_answer(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return the answer that counts for the delivery."""


class SignedRequestBuilder:
    """Builds the requests that ``SignedSender`` would post."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        """Return the receivers' time."""
        return self._clock.now_ms()

    def build(
        self, delivery: Delivery, signing: Signing, *, at_ms: int
    ) -> ListenerRequest | Answer:
        """Return the delivery, signed."""
        return ListenerRequest(
            headers=headers_for(delivery, signing, now_ms=at_ms),
            body=delivery.body,
            signed_at_ms=at_ms,
        )

    def effective_answer(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return the answer."""
        return answer
