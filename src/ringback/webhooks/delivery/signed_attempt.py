"""Makes one signed attempt and returns its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ringback import __version__
from ringback.egress.answer import Answer
from ringback.errors import Undeliverable
from ringback.webhooks.delivery.signers import SignerCache, Signing
from ringback.webhooks.events import OPERATOR
from ringback.webhooks.model import Delivery
from ringback.wire.signature import webhook_headers

_USER_AGENT = f"Ringback/{__version__}".encode()

Headers = list[tuple[bytes, bytes]]


class HttpSender(Protocol):
    """Makes one POST; failures of the network become an ``Answer`` too."""

    async def post(
        self,
        target_url: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        workspace_id: str,
    ) -> Answer:
        """Send a webhook's body for a workspace and return the answer."""


class AttemptResult(Struct, frozen=True, kw_only=True):
    """An attempt's answer and the headers that it sent; the endpoint's own are secret."""

    answer: Answer
    headers: Headers
    secret_headers: frozenset[bytes] = frozenset()
    schedule_s: tuple[float, ...] | None = None  # of the endpoint; None: the server's


class Attempter(Protocol):
    """Makes attempts; the lab and the simulation have implementations of their own."""

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> AttemptResult:
        """Sign the delivery as of now, post it and return the result.

        Raises ``Undeliverable`` when it can never be sent.
        """


class SignedSender:
    """Signs and posts; the operator's own webhooks go by a sender of their own."""

    def __init__(
        self,
        sender: HttpSender,
        signer_cache: SignerCache,
        *,
        operator_sender: HttpSender | None = None,
    ) -> None:
        self._sender = sender
        self._signer_cache = signer_cache
        self._operator_sender = operator_sender or sender

    async def attempt(self, delivery: Delivery, *, now_ms: int) -> AttemptResult:
        """Sign the delivery as of now, post it and return the result."""
        signing = await self.signing_of(delivery)
        headers = headers_for(delivery, signing, now_ms=now_ms)
        answer = await self.post(delivery, headers, delivery.body)
        return AttemptResult(
            answer=answer,
            headers=headers,
            secret_headers=frozenset(name for name, _ in signing.headers),
            schedule_s=signing.schedule_s,
        )

    async def post(self, delivery: Delivery, headers: Headers, body: bytes) -> Answer:
        """Post a body to the delivery's URL."""
        sender = self._operator_sender if delivery.workspace_id == OPERATOR else self._sender
        return await sender.post(delivery.url, headers, body, workspace_id=delivery.workspace_id)

    async def signing_of(self, delivery: Delivery) -> Signing:
        """Return how a delivery is signed, or raise ``Undeliverable``."""
        return await signing_of(delivery, self._signer_cache)


async def signing_of(delivery: Delivery, signer_cache: SignerCache) -> Signing:
    """Return how a delivery is signed, or raise ``Undeliverable``."""
    signing = await signer_cache.of(delivery)
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
        # A test of an endpoint has no engine, and an empty header would claim that it has one.
        *([(b"ringback-engine", delivery.engine.encode())] if delivery.engine else []),
        (b"ringback-attempt", b"%d" % (delivery.attempts_count + 1)),
        *signing.headers,
    ]
