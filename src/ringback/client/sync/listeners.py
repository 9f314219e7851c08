# Made of ../aio/listeners.py by tools/unasync.py: change that, and run make fmt.
"""Listeners: deliveries taken over a connection of one's own, and their answers brought back."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ringback.client import requests
from ringback.client.errors import ServerError
from ringback.client.models import Delivery, Endpoint, HandedDelivery, LocalAnswer
from ringback.client.requests import Request, part
from ringback.client.sync.transport import Transport

_SILENCE_S_MAX = 45.0  # the server says something three times as often


class Listeners:
    """Endpoints without a URL: whoever connects is handed what is owed to them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def open(
        self,
        name: str,
        *,
        events: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
    ) -> Endpoint:
        """Return the listener of that name, made if there is none; a new one has its ``secret``.

        Its filters become those that are given.
        """
        given = {"events": events, "models": models}
        wish = {key: value for key, value in given.items() if value is not None}
        request = requests.send("PUT", self._one(name), wish)
        return self._transport.call(request, Endpoint)

    def forget(self, name: str) -> None:
        """Delete a listener; what was owed to it is discarded."""
        self._transport.send(requests.send("DELETE", self._one(name)))

    def deliveries(
        self, name: str, *, at_once: int | None = None
    ) -> Iterator[HandedDelivery | None]:
        """Yield None once connected, then what is handed out, until the server ends it.

        Each is to be answered with ``answer`` or given back, or it comes again after a while; so
        many are handed out ``at_once``. Come back when it ends.
        """
        request = Request(
            method="GET",
            path=f"{self._one(name)}/deliveries",
            params={} if at_once is None else {"at_once": str(at_once)},
            headers={"accept": "text/event-stream"},
            timeout_s=_SILENCE_S_MAX,
        )
        event = ""
        with self._transport.stream(request) as response:
            for line in response.iter_lines():
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "listening":
                    yield None
                elif line.startswith("data:") and event == "delivery":
                    yield _read(line[5:])

    def answer(self, name: str, delivery: HandedDelivery, answer: LocalAnswer) -> Delivery:
        """Bring the answer to a delivery to the server's log; return where it stands after it.

        Raises ``ConflictError`` when it came too late, and changed nothing.
        """
        return self._report(
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

    def give_back(self, name: str, delivery: HandedDelivery) -> Delivery:
        """Return a delivery that was not tried; it is handed out again at once."""
        return self._report(name, delivery, {"untried": True})

    def _report(self, name: str, delivery: HandedDelivery, said: dict[str, Any]) -> Delivery:
        document = {"delivery_id": delivery.delivery_id, "epoch": delivery.epoch, **said}
        path = f"{self._one(name)}/answers"
        # Told twice, the second time is refused as late, and changes nothing.
        request = requests.send("POST", path, document, repeatable=True)
        return self._transport.call(request, Delivery)

    def _one(self, name: str) -> str:
        return f"/webhooks/listeners/{part(name)}"


def _read(data: str) -> HandedDelivery:
    try:
        return msgspec.json.decode(data, type=HandedDelivery)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise ServerError(f"The stream is not what the API promises ({exc}).", status=200) from exc
