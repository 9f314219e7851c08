"""Builds made-up events as the server builds real ones, and posts them once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ringback.cli.console.exit_status import NoAnswer
from ringback.cli.verifying.overrides import patched, with_members
from ringback.clock import SystemClock
from ringback.lab.deliveries import WebhookRequest
from ringback.lab.probe import Maker
from ringback.webhooks import operator_events
from ringback.webhooks.breaker import Breaker
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import EVENT_FOR, EventType
from ringback.webhooks.model import Delivery, Destination
from ringback.wire.document import iso_time

_TIMEOUT_S = 15.0
_ANSWER_BYTES_MAX = 65_536
_WORKSPACE = "dev"
_ORIGIN = "https://shop.example:443"
_PENDING = {
    EventType.JOB_STARTED: "processing",
    EventType.JOB_PROGRESS: "sampling",
    EventType.JOB_BACKLOGGED: "backlogged",
}
_DAY_MS = 86_400_000


class Triggered(Struct, frozen=True, kw_only=True):
    """A receiver's answer to a made-up event."""

    url: str
    event: str
    webhook_id: str
    status_code: int
    duration_ms: int
    body: str

    @property
    def is_delivered(self) -> bool:
        """Say whether this answer would deliver a real delivery."""
        return 200 <= self.status_code < 300

    def document(self) -> dict[str, Any]:
        """Return the answer for programs."""
        return {**msgspec.structs.asdict(self), "delivered": self.is_delivered}

    def lines(self) -> Iterator[str]:
        """Yield the answer for people."""
        outcome = "delivered" if self.is_delivered else "a real one would be tried again"
        if self.status_code == 410:
            outcome = "a real one would not be tried again"
        answer = f"{self.status_code} in {self.duration_ms} ms"
        yield f"{answer}: {outcome}  webhook-id {self.webhook_id}"
        yield from self.body.splitlines()


def make(
    event: str,
    *,
    secret: str,
    job_id: str | None,
    webhook_id: str | None,
    patch: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> WebhookRequest:
    """Return a signed request for an event of that type, its body changed by the overrides.

    ``patch`` is a JSON Merge Patch, and ``assignments`` are ``PATH=VALUE``. Raises ``ValueError``
    for an id with a dot and for a wrong assignment.
    """
    clock = SystemClock()
    maker = Maker(secret=secret, clock=clock, job_id=job_id)
    document = body_of(EventType(event), maker, now_ms=clock.now_ms())
    document = with_members(patched(document, dict(patch or {})), assignments)
    return maker.webhook(document, webhook_id=webhook_id, event=event)


def body_of(event: EventType, maker: Maker, *, now_ms: int) -> dict[str, Any]:
    """Return a made-up body for an event of that type, in the server's form."""
    for status, ended in EVENT_FOR.items():
        if event is ended:
            return maker.job(status.value)
    if event in _PENDING:
        pending = {**maker.job(_PENDING[event]), "completed_at": None, "result": None}
        return {**pending, "progress": 0.5} if event is EventType.JOB_PROGRESS else pending
    return {"type": event, "timestamp": iso_time(now_ms), "data": _facts(event, maker, now_ms)}


def _facts(event: EventType, maker: Maker, now_ms: int) -> dict[str, Any]:
    endpoint = Endpoint(
        endpoint_id=maker.new_id(),
        workspace_id=_WORKSPACE,
        url=f"{_ORIGIN}/webhook",
        destination=_ORIGIN,
        created_at_ms=now_ms - 30 * _DAY_MS,
        failing_since_ms=now_ms - 4 * _DAY_MS,
        disabled_reason="failing" if event is EventType.ENDPOINT_DISABLED else None,
    )
    match event:
        case EventType.ENDPOINT_TEST:
            message = "This is a test: the webhooks of jobs will come here like this one."
            return {"endpoint_id": endpoint.endpoint_id, "message": message}
        case EventType.ENDPOINT_FAILING:
            return operator_events.about_endpoint(endpoint, percent=70)
        case EventType.ENDPOINT_DISABLED:
            return operator_events.about_endpoint(endpoint, percent=100)
        case EventType.DELIVERY_EXHAUSTED:
            return operator_events.about_delivery(_exhausted(maker, now_ms))
        case _:
            is_paused = event is EventType.DESTINATION_PAUSED
            breaker = Breaker(failures_count=10, open_until_ms=now_ms + 5_000)
            return operator_events.about_destination(
                Destination(
                    destination_id=1,
                    workspace_id=_WORKSPACE,
                    origin=_ORIGIN,
                    breaker=breaker if is_paused else Breaker(),
                )
            )


def _exhausted(maker: Maker, now_ms: int) -> Delivery:
    return Delivery(
        delivery_id=maker.new_id(),
        workspace_id=_WORKSPACE,
        job_id=maker.job_id or maker.new_id(),
        event=EventType.JOB_COMPLETED,
        engine="lab",
        url=f"{_ORIGIN}/webhook",
        destination=_ORIGIN,
        body=b"",
        created_at_ms=now_ms - 3 * _DAY_MS,
        reason="status_5xx",
        attempts_count=10,
    )


def post(
    url: str, webhook: WebhookRequest, *, ca_file: Path | None = None, verifies: bool = True
) -> Triggered:
    """Post a webhook and return the answer, or raise ``NoAnswer`` or ``ConfigurationError``.

    Like the server, it follows no redirect and reads only the beginning of an answer.
    """
    import httpx2

    from ringback.client.network import environment_read, http_options

    options = http_options(url, ca_file=ca_file, verifies=verifies)
    with environment_read():
        client = httpx2.Client(timeout=_TIMEOUT_S, **options)
    named = dict(webhook.headers)
    clock = SystemClock()
    began = clock.monotonic()
    body = bytearray()
    try:
        with (
            client as http,
            http.stream("POST", url, headers=list(webhook.headers), content=webhook.body) as got,
        ):
            for chunk in got.iter_raw():
                body += chunk
                if len(body) > _ANSWER_BYTES_MAX or clock.monotonic() - began > _TIMEOUT_S:
                    break
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        reason = str(exc) or type(exc).__name__
        raise NoAnswer(f"{url} did not answer ({reason}). Is it running, and its URL?") from exc
    return Triggered(
        url=url,
        event=named[b"ringback-event"].decode(),
        webhook_id=named[b"webhook-id"].decode(),
        status_code=got.status_code,
        duration_ms=round((clock.monotonic() - began) * 1000),
        body=bytes(body[:_ANSWER_BYTES_MAX]).decode("utf-8", "replace"),
    )
