"""Makes webhooks as Ringback does, and posts them to one receiver."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Protocol

import msgspec

from ringback import __version__
from ringback.clock import Clock
from ringback.egress.answer import Answer
from ringback.ids import Ids
from ringback.lab.deliveries import Header, WebhookRequest, with_headers
from ringback.wire.document import job_document
from ringback.wire.signature import Signer, webhook_headers

# No such host exists or ever will: a receiver that loads the picture finds nothing.
_PICTURE_URL = "https://lab.invalid/artifacts/picture.png"
_ERRORS = {"failed": "The lab made this job fail.", "cancelled": "The lab cancelled this job."}
_USER_AGENT = f"Ringback/{__version__} (lab)".encode()


class Poster(Protocol):
    """Makes one POST; failures of the network become an ``Answer`` too."""

    async def post(self, url: str, headers: Sequence[Header], body: bytes) -> Answer:
        """Send the body and return the answer."""


class Maker:
    """Makes webhooks signed with one secret; ``job_id`` is one that the receiver knows."""

    def __init__(self, *, secret: str, clock: Clock, job_id: str | None = None) -> None:
        self.job_id = job_id
        self._signer = Signer(secret)
        self._clock = clock
        self._ids = Ids(clock.now_ms, Random().getrandbits)

    def new_id(self) -> str:
        """Return a job's or a webhook's id that was never used before."""
        return self._ids.uuid7()

    def job(self, status: str = "completed", *, age_s: int = 1, **more: Any) -> dict[str, Any]:
        """Return a job as a webhook's body has it: begun so many seconds ago."""
        created_at_ms = self._clock.now_ms() - age_s * 1000
        document = job_document(
            job_id=self.job_id or self.new_id(),
            status=status,
            created_at_ms=created_at_ms,
            completed_at_ms=created_at_ms + 500,
            result={"error": _ERRORS[status]} if status in _ERRORS else {"urls": [_PICTURE_URL]},
        )
        return {**document, **more}

    def webhook(
        self,
        body: dict[str, Any] | bytes | None = None,
        *,
        webhook_id: str | None = None,
        event: str = "job.completed",
        ahead_s: int = 0,
        signers: Sequence[Signer] = (),
    ) -> WebhookRequest:
        """Return a webhook, right except in the arguments."""
        if not isinstance(body, bytes):
            body = msgspec.json.encode(self.job() if body is None else body)
        signed = webhook_headers(
            [*signers, self._signer],
            webhook_id=webhook_id or self.new_id(),
            timestamp_s=self._clock.now_ms() // 1000 + ahead_s,
            body=body,
        )
        unsigned: Sequence[Header] = (
            (b"content-type", b"application/json"),
            (b"user-agent", _USER_AGENT),
            (b"ringback-event", event.encode()),
            (b"ringback-engine", b"lab"),
            (b"ringback-attempt", b"1"),
        )
        return with_headers(WebhookRequest(tuple(unsigned), body), signed)


class Probe(Maker):
    """Posts to one receiver as Ringback does; an answer after ``slow_ms`` is slow."""

    def __init__(
        self,
        url: str,
        *,
        secret: str,
        poster: Poster,
        clock: Clock,
        job_id: str | None = None,
        slow_ms: float = 1_000.0,
    ) -> None:
        super().__init__(secret=secret, clock=clock, job_id=job_id)
        self.url = url
        self.slow_ms = slow_ms
        self._poster = poster

    async def post(self, webhook: WebhookRequest) -> Answer:
        """Post a webhook and return the receiver's answer."""
        return await self._poster.post(self.url, webhook.headers, webhook.body)
