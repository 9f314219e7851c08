"""Posts the lab's webhooks to a receiver by the client's HTTP, so that no extra is needed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from ringback.client.clock import AsyncSystemClock
from ringback.client.models import HandedDelivery, LocalAnswer
from ringback.client.posting import Poster
from ringback.egress.answer import Answer, Reason, Timings
from ringback.lab.deliveries import Header

TIMEOUT_S = 15.0
"""How long an answer may take: as long as the server waits by default."""


class ReceiverPoster:
    """Makes single POSTs to one URL; failures of the network become an ``Answer`` too."""

    def __init__(self, url: str, *, ca_file: Path | None = None, verifies: bool = True) -> None:
        self._poster = Poster(url, clock=AsyncSystemClock(), ca_file=ca_file, verifies=verifies)

    async def post(self, _url: str, headers: Sequence[Header], body: bytes) -> Answer:
        """Send the body and return the answer."""
        request = HandedDelivery(
            delivery_id="",
            epoch=0,
            event="",
            attempt=1,
            webhook_timestamp=0,
            timeout_s=TIMEOUT_S,
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
            ),
            body=b64encode(body).decode(),
            body_encoding="base64",
        )
        return _answer(await self._poster.post(request))

    async def close(self) -> None:
        """Close every connection."""
        await self._poster.close()


def _answer(answer: LocalAnswer) -> Answer:
    return Answer(
        status_code=answer.status_code,
        reason=None if answer.reason is None else Reason(answer.reason),
        body=answer.body,
        truncated=answer.truncated,
        detail=answer.detail,
        timings=Timings(total_ms=answer.duration_ms, first_byte_ms=answer.first_byte_ms),
    )
