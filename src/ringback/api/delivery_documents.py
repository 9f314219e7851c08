"""Deliveries, attempts, destinations and events as the API and the command line show them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from ringback.api.cursors import pack
from ringback.egress.answer import Reason
from ringback.webhooks.desk import FeedItem
from ringback.webhooks.explanation import Explanation
from ringback.webhooks.model import Attempt, Delivery, Destination
from ringback.wire.document import iso_time


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as lists show it."""
    return {
        "delivery_id": delivery.delivery_id,
        "status": delivery.status,
        "event": delivery.event,
        "job_id": delivery.job_id or None,
        "endpoint_id": delivery.endpoint_id,
        "url": delivery.url,
        "destination": delivery.destination,
        "reason": delivery.reason,
        "attempts_count": delivery.attempts_count,
        "created_at": iso_time(delivery.created_at_ms),
        "next_attempt_at": _time(delivery.next_attempt_at_ms),
        "ended_at": _time(delivery.ended_at_ms),
    }


def whole_delivery_document(delivery: Delivery, attempts: list[Attempt]) -> dict[str, Any]:
    """Return a delivery with the body that it brings and every attempt."""
    return {
        **delivery_document(delivery),
        "body": delivery.body.decode(),
        "attempts": [attempt_document(attempt) for attempt in attempts],
    }


def attempt_document(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt; of a target that was blocked, nothing that tells why."""
    is_blocked = attempt.reason == Reason.BLOCKED_TARGET
    response, encoding = text_of(attempt.response)
    return {
        "number": attempt.number,
        "started_at": iso_time(attempt.started_at_ms),
        "duration_ms": attempt.duration_ms,
        "timings": {
            name: None if is_blocked else getattr(attempt, name)
            for name in ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms")
        },
        "address": None if is_blocked else attempt.address,
        "reused_connection": attempt.reused,
        "request_headers": _headers(attempt.request_headers),
        "status_code": attempt.status_code,
        "reason": attempt.reason,
        "response_headers": _headers(attempt.response_headers),
        "response": response,
        "response_encoding": encoding,
        "response_truncated": attempt.truncated,
    }


def explanation_document(delivery_id: str, explanation: Explanation) -> dict[str, Any]:
    """Return why a delivery is where it is."""
    return {
        "delivery_id": delivery_id,
        "sentences": [ground.sentence for ground in explanation.grounds],
        "codes": [ground.code for ground in explanation.grounds],
        "moves_at": _time(explanation.moves_at_ms),
    }


def destination_document(destination: Destination, waiting_count: int) -> dict[str, Any]:
    """Return a destination: how it fares, and how much waits there."""
    breaker = destination.breaker
    return {
        "destination": destination.origin,
        "paused_at": _time(destination.paused_at_ms),
        "breaker": {
            "state": _breaker_state(destination),
            "failures_count": breaker.failures_count,
            "open_until": _time(breaker.open_until_ms),
        },
        "next_due_at": _time(destination.next_due_at_ms),
        "waiting_count": waiting_count,
    }


def event_document(item: FeedItem) -> dict[str, Any]:
    """Return an event of the feed; ``body`` is what its webhooks carry, byte for byte."""
    event = item.event
    return {
        "cursor": pack(event.seq),
        "event_id": event.event_id,
        "type": event.type,
        "job_id": event.job_id or None,
        "created_at": iso_time(event.created_at_ms),
        "webhook_ids": item.webhook_ids,
        "body": event.body.decode(),
    }


def _breaker_state(destination: Destination) -> str:
    if destination.breaker.is_closed:
        return "closed"
    return "probing" if destination.breaker.flying else "open"


def _time(ms: int | None) -> str | None:
    return None if ms is None else iso_time(ms)


def _headers(lines: str) -> list[list[str]]:
    """Return headers as they came, one pair each: a name may come twice."""
    # Not splitlines(), which breaks lines at characters that a header's value may have.
    return [line.split(": ", 1) for line in lines.split("\n") if ": " in line]


def text_of(body: bytes) -> tuple[str, str]:
    """Return bytes as JSON has them: as text where they are UTF-8, else as base64, and which."""
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return b64encode(body).decode(), "base64"
