"""The courier: makes one attempt, signed, and brings back what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ringback import __version__
from ringback.egress.answer import Answer
from ringback.errors import Undeliverable
from ringback.webhooks.events import OPERATOR
from ringback.webhooks.model import Delivery
from ringback.webhooks.signing import Signing, SigningBook
from ringback.wire.signature import webhook_headers

_USER_AGENT = f"Ringback/{__version__}".encode()

Headers = list[tuple[bytes, bytes]]


class Poster(Protocol):
    """Makes one POST; whatever the network does becomes an ``Answer``."""

    async def post(
        self, target_url: str, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> Answer:
        """Send the body and return what came back."""


class Attempted(Struct, frozen=True, kw_only=True):
    """What an attempt brought back, and what it carried; its own headers' values are secrets."""

    answer: Answer
    headers: Headers
    secret_headers: frozenset[bytes] = frozenset()
    schedule_s: tuple[float, ...] | None = None  # of the endpoint; None: the server's


class Carrier(Protocol):
    """Makes attempts: the courier, or what stands in its place in the lab and in simulations."""

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> Attempted:
        """Sign the delivery as of now, post it and return what came of it.

        Raises ``Undeliverable`` when it can never be sent.
        """


class Courier:
    """Signs and posts; the operator's own webhooks go by a sender of their own."""

    def __init__(
        self, sender: Poster, book: SigningBook, *, operator_sender: Poster | None = None
    ) -> None:
        self._sender = sender
        self._book = book
        self._operator_sender = operator_sender or sender

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> Attempted:
        """Sign the delivery as of now, post it and return what came of it."""
        signing = await self.signing_of(delivery)
        headers = headers_for(delivery, signing, now_ms=now_ms)
        answer = await self.post(delivery, headers, delivery.body)
        return Attempted(
            answer=answer,
            headers=headers,
            secret_headers=frozenset(name for name, _ in signing.headers),
            schedule_s=signing.schedule_s,
        )

    async def post(self, delivery: Delivery, headers: Headers, body: bytes) -> Answer:
        """Post a body to where the delivery goes."""
        sender = self._operator_sender if delivery.workspace_id == OPERATOR else self._sender
        return await sender.post(delivery.url, headers, body)

    async def signing_of(self, delivery: Delivery) -> Signing:
        """Return how a delivery is signed, or raise ``Undeliverable``."""
        return await signing_of(delivery, self._book)


async def signing_of(delivery: Delivery, book: SigningBook) -> Signing:
    """Return how a delivery is signed, or raise ``Undeliverable``."""
    signing = await book.of(delivery)
    if signing is None:
        raise Undeliverable("its endpoint was deleted")
    if signing.is_disabled:
        raise Undeliverable("its endpoint is disabled")
    return signing


def headers_for(delivery: Delivery, signing: Signing, *, now_ms: int) -> Headers:
    """Return the headers of an attempt made now, the endpoint's own last."""
    return [
        (b"content-type", b"application/json"),
        (b"user-agent", _USER_AGENT),
        *webhook_headers(
            signing.signers,
            webhook_id=delivery.delivery_id,
            timestamp_s=now_ms // 1000,
            body=delivery.body,
        ),
        (b"ringback-event", delivery.event.encode()),
        # A test of an endpoint is of no engine, and an empty header would say that one made it.
        *([(b"ringback-engine", delivery.engine.encode())] if delivery.engine else []),
        (b"ringback-attempt", b"%d" % (delivery.attempts_count + 1)),
        *signing.headers,
    ]
