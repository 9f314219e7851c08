"""Deliveries, attempts, destinations and events as the API and the command line show them."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ringback.api.documents.fields import Count, Time, time_or_null
from ringback.egress.answer import Reason
from ringback.webhooks.explanation import Explanation
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination
from ringback.webhooks.store import FeedItem
from ringback.wire.document import iso_time

Encoding = Literal["utf-8", "base64"]
BreakerState = Literal["closed", "open", "probing"]
Milliseconds = Annotated[float, Meta(ge=0)] | None
HeaderPair = Annotated[list[str], Meta(min_length=2, max_length=2)]
Headers = Annotated[list[HeaderPair], Meta(description="Pairs of name and value, as received.")]
Body = Annotated[str, Meta(description="The body of its webhooks, byte for byte.")]
LogCursor = Annotated[
    str | None,
    Meta(
        description="Send it as `cursor` for the next page; null on the last. A page may have few "
        "items, or none, and be followed by another."
    ),
]


class DeliveryDocument(Struct, frozen=True, kw_only=True):
    """The duty to bring one event to one webhook URL."""

    delivery_id: Annotated[str, Meta(description="The `webhook-id`.")]
    status: DeliveryStatus
    event: Annotated[str, Meta(description="The event's type, like `job.completed`.")]
    job_id: str | None
    endpoint_id: Annotated[str | None, Meta(description="Null if the URL came with the job.")]
    url: str
    destination: Annotated[str, Meta(description="The URL's scheme, host and port.")]
    reason: Annotated[
        str | None, Meta(description="The reason why the last attempt failed; null if it did not.")
    ]
    attempts_count: Count
    created_at: Time
    next_attempt_at: Time | None
    ended_at: Time | None


class AttemptTimingsDocument(Struct, frozen=True, kw_only=True):
    """The duration of each step; null for a step that did not happen."""

    dns_ms: Milliseconds
    connect_ms: Milliseconds
    tls_ms: Milliseconds
    first_byte_ms: Milliseconds


class AttemptDocument(Struct, frozen=True, kw_only=True):
    """One POST of a delivery."""

    number: Annotated[int, Meta(ge=1)]
    started_at: Time
    duration_ms: Count
    timings: AttemptTimingsDocument
    address: Annotated[str | None, Meta(description="The IP address that the request was sent to.")]
    reused_connection: bool
    request_headers: Headers
    status_code: int | None
    reason: str | None
    detail: Annotated[
        str | None, Meta(description="Why there was no whole answer, in words; null if there was.")
    ]
    response_headers: Headers
    response: Annotated[str, Meta(description="The beginning of the answer's body.")]
    response_encoding: Encoding
    response_truncated: bool


class WholeDeliveryDocument(DeliveryDocument, frozen=True, kw_only=True):
    """A delivery with its body and every attempt."""

    body: Body
    attempts: list[AttemptDocument]


class DeliveryPageDocument(Struct, frozen=True, kw_only=True):
    """Deliveries, newest first."""

    items: list[DeliveryDocument]
    next_cursor: LogCursor


class ExplanationDocument(Struct, frozen=True, kw_only=True):
    """The reasons for a delivery's state: sentences, with a stable code for each."""

    delivery_id: str
    sentences: Annotated[list[str], Meta(min_length=1)]
    codes: Annotated[list[str], Meta(min_length=1)]
    moves_at: Annotated[Time | None, Meta(description="The time of its next step, if known.")]


class BreakerDocument(Struct, frozen=True, kw_only=True):
    """A closed breaker lets every delivery pass; an open one pauses the destination for a while."""

    state: BreakerState
    failures_count: Annotated[Count, Meta(description="The number of consecutive failures.")]
    open_until: Time | None


class DestinationDocument(Struct, frozen=True, kw_only=True):
    """A scheme, host and port that deliveries go to, and its state."""

    destination: str
    paused_at: Annotated[Time | None, Meta(description="The time at which a person paused it.")]
    breaker: BreakerDocument
    next_due_at: Time | None
    waiting_count: Annotated[Count, Meta(description="The count stops at 1,000.")]


class DestinationPageDocument(Struct, frozen=True, kw_only=True):
    """Destinations, by name."""

    items: list[DestinationDocument]
    next_cursor: LogCursor


class DestinationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scheme, host and port, like the `destination` of a delivery."""

    destination: str


class HandedDeliveryDocument(Struct, frozen=True, kw_only=True):
    """A delivery that is handed out to a listener: the signed request that it has to post."""

    delivery_id: str
    epoch: int
    event: str
    job_id: str | None
    attempt: Annotated[int, Meta(ge=1)]
    webhook_timestamp: int
    timeout_s: Annotated[
        float, Meta(description="The time limit of the post, from the first byte to the last.")
    ]
    copies: Annotated[int, Meta(ge=0, description="Always 1, except in the fault lab.")]
    at_once: bool
    headers: Headers
    body: str
    body_encoding: Encoding


class EventDocument(Struct, frozen=True, kw_only=True):
    """An event of the workspace."""

    cursor: Annotated[str, Meta(description="Send it as `after` to read on from this event.")]
    event_id: str
    type: str
    job_id: str | None
    created_at: Time
    webhook_ids: Annotated[
        list[str],
        Meta(description="The ids of its deliveries; empty if there are none."),
    ]
    body: Body


class EventsDocument(Struct, frozen=True, kw_only=True):
    """Events in the order in which they were committed."""

    items: list[EventDocument]
    next_cursor: Annotated[str, Meta(description="Send it as `after`; never null.")]


def delivery_document(delivery: Delivery) -> DeliveryDocument:
    """Return a delivery as lists show it."""
    return DeliveryDocument(**delivery_fields(delivery))


def whole_delivery_document(delivery: Delivery, attempts: list[Attempt]) -> WholeDeliveryDocument:
    """Return a delivery with its body and every attempt."""
    return WholeDeliveryDocument(
        **delivery_fields(delivery),
        body=delivery.body.decode(),
        attempts=[attempt_document(attempt) for attempt in attempts],
    )


def attempt_document(attempt: Attempt) -> AttemptDocument:
    """Return an attempt; that of a blocked target has no timings and no address."""
    is_blocked = attempt.reason == Reason.BLOCKED_TARGET
    response, encoding = text_of(attempt.response)
    return AttemptDocument(
        number=attempt.number,
        started_at=iso_time(attempt.started_at_ms),
        duration_ms=attempt.duration_ms,
        timings=AttemptTimingsDocument(
            dns_ms=None if is_blocked else attempt.dns_ms,
            connect_ms=None if is_blocked else attempt.connect_ms,
            tls_ms=None if is_blocked else attempt.tls_ms,
            first_byte_ms=None if is_blocked else attempt.first_byte_ms,
        ),
        address=None if is_blocked else attempt.address,
        reused_connection=attempt.reused,
        request_headers=_headers(attempt.request_headers),
        status_code=attempt.status_code,
        reason=attempt.reason,
        detail=attempt.detail,
        response_headers=_headers(attempt.response_headers),
        response=response,
        response_encoding=encoding,
        response_truncated=attempt.truncated,
    )


def explanation_document(delivery_id: str, explanation: Explanation) -> ExplanationDocument:
    """Return the reasons for a delivery's state."""
    return ExplanationDocument(
        delivery_id=delivery_id,
        sentences=[reason.sentence for reason in explanation.reasons],
        codes=[reason.code for reason in explanation.reasons],
        moves_at=time_or_null(explanation.moves_at_ms),
    )


def destination_document(destination: Destination, waiting_count: int) -> DestinationDocument:
    """Return a destination with its state and the number of waiting deliveries."""
    breaker = destination.breaker
    return DestinationDocument(
        destination=destination.origin,
        paused_at=time_or_null(destination.paused_at_ms),
        breaker=BreakerDocument(
            state=_breaker_state(destination),
            failures_count=breaker.failures_count,
            open_until=time_or_null(breaker.open_until_ms),
        ),
        next_due_at=time_or_null(destination.next_due_at_ms),
        waiting_count=waiting_count,
    )


def event_document(item: FeedItem, *, cursor: str) -> EventDocument:
    """Return an event of the feed; ``body`` is the body of its webhooks, byte for byte."""
    event = item.event
    return EventDocument(
        cursor=cursor,
        event_id=event.event_id,
        type=event.type,
        job_id=event.job_id or None,
        created_at=iso_time(event.created_at_ms),
        webhook_ids=list(item.webhook_ids),
        body=event.body.decode(),
    )


def delivery_fields(delivery: Delivery) -> dict[str, Any]:
    """Return the members that every document of a delivery has."""
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
        "next_attempt_at": time_or_null(delivery.next_attempt_at_ms),
        "ended_at": time_or_null(delivery.ended_at_ms),
    }


def _breaker_state(destination: Destination) -> BreakerState:
    if destination.breaker.is_closed:
        return "closed"
    return "probing" if destination.breaker.flying else "open"


def _headers(text: str) -> list[list[str]]:
    """Return the headers as pairs, because a name may come twice."""
    # Not splitlines(): it breaks lines at characters that a header's value may have.
    return [header.split(": ", 1) for header in text.split("\n") if ": " in header]


def text_of(body: bytes) -> tuple[str, Encoding]:
    """Return bytes as text for JSON and the encoding: UTF-8 if possible, else base64."""
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return b64encode(body).decode(), "base64"
