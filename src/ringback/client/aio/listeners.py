"""Listeners: a program takes deliveries over its own connection and reports the answers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from ringback.client import requests
from ringback.client.aio.transport import AsyncTransport
from ringback.client.errors import ServerError
from ringback.client.models import Delivery, Endpoint, HandedDelivery, LocalAnswer
from ringback.client.requests import Request, part

_SILENCE_S_MAX = 45.0  # the server sends something every 15 seconds


class AsyncListeners:
    """Endpoints without a URL: a connected program is handed their deliveries."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def open(
        self,
        name: str,
        *,
        events: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
    ) -> Endpoint:
        """Create or update the listener of that name; a new one is returned with its ``secret``.

        Filters that are not None replace those of the listener.
        """
        filters = {"events": events, "models": models}
        changes = {key: value for key, value in filters.items() if value is not None}
        request = requests.send("PUT", self._path(name), changes)
        return await self._transport.call(request, Endpoint)

    async def forget(self, name: str) -> None:
        """Delete a listener; its open deliveries are discarded."""
        await self._transport.send(requests.send("DELETE", self._path(name)))

    async def deliveries(
        self, name: str, *, at_once: int | None = None
    ) -> AsyncIterator[HandedDelivery | None]:
        """Yield None once connected, then each delivery, until the server ends the stream.

        Report each one with ``answer`` or ``give_back``; otherwise it is handed out again after
        its lease. At most ``at_once`` are handed out at a time. Call again when the stream ends.
        """
        request = Request(
            method="GET",
            path=f"{self._path(name)}/deliveries",
            params={} if at_once is None else {"at_once": str(at_once)},
            headers={"accept": "text/event-stream"},
            timeout_s=_SILENCE_S_MAX,
        )
        event = ""
        async with self._transport.stream(request) as response:
            async for line in response.aiter_lines():
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "listening":
                    yield None
                elif line.startswith("data:") and event == "delivery":
                    yield _read(line[5:])

    async def answer(self, name: str, delivery: HandedDelivery, answer: LocalAnswer) -> Delivery:
        """Report the receiver's answer to a delivery, and return the delivery's new state.

        Raises ``ConflictError`` when the lease had ended; nothing changed then.
        """
        return await self._report(
            name,
            delivery,
            {
                "webhook_timestamp": delivery.webhook_timestamp,
                "status_code": answer.status_code,
                "reason": None if answer.is_whole else answer.reason,
                "headers": answer.headers,
                "body": b64encode(answer.body).decode(),
                "truncated": answer.truncated,
                "duration_ms": answer.duration_ms,
                "first_byte_ms": answer.first_byte_ms,
            },
        )

    async def give_back(self, name: str, delivery: HandedDelivery) -> Delivery:
        """Return a delivery that was not tried; it is handed out again at once."""
        return await self._report(name, delivery, {"untried": True})

    async def _report(
        self, name: str, delivery: HandedDelivery, answer: dict[str, Any]
    ) -> Delivery:
        document = {"delivery_id": delivery.delivery_id, "epoch": delivery.epoch, **answer}
        path = f"{self._path(name)}/answers"
        # A second report is refused as late and changes nothing.
        request = requests.send("POST", path, document, repeatable=True)
        return await self._transport.call(request, Delivery)

    def _path(self, name: str) -> str:
        return f"/webhooks/listeners/{part(name)}"


def _read(data: str) -> HandedDelivery:
    try:
        return msgspec.json.decode(data, type=HandedDelivery)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise ServerError(f"The stream does not follow the API ({exc}).", status=200) from exc
