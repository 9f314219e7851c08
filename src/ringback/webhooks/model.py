"""The delivery, its attempts and its destination as frozen values."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ringback.webhooks.breaker import Breaker


class DeliveryStatus(StrEnum):
    """The status of a delivery; all but waiting are its end."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"


class Delivery(Struct, frozen=True, kw_only=True):
    """The duty to bring one event to one webhook URL; ``delivery_id`` is its webhook-id.

    A round is one run of the schedule: the first begins when the event happens, a redelivery
    begins another. ``epoch`` grows whenever the delivery changes hands (claimed, given back,
    recorded, redelivered), and every write names the epoch it was based on.
    """

    delivery_id: str
    workspace_id: str
    job_id: str
    event: str
    engine: str
    url: str
    destination: str  # the URL's origin; concurrency is bounded by workspace and origin
    body: bytes
    created_at_ms: int
    endpoint_id: str | None = None  # None: the URL came with the job
    lab: str | None = None  # faults that its submission requested, in dev alone
    status: DeliveryStatus = DeliveryStatus.WAITING
    reason: str | None = None  # of the last attempt; None: none failed, or the last did not
    attempts_count: int = 0
    round_attempts_count: int = 0
    round_started_at_ms: int = 0
    next_attempt_at_ms: int | None = None
    ended_at_ms: int | None = None
    epoch: int = 0
    destination_id: int = 0  # the store's number for (workspace, destination)


class Attempt(Struct, frozen=True, kw_only=True):
    """One POST of a delivery; numbered from 1 over all rounds."""

    number: int
    started_at_ms: int
    duration_ms: int
    address: str | None = None  # the IP address that was dialled
    status_code: int | None = None  # None: no answer came
    reason: str | None = None  # None: delivered
    detail: str | None = None  # the failure in words, where there is more than the reason
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    reused: bool = False  # a connection that was open carried it
    request_headers: str = ""  # a line each, "name: value", secrets redacted
    response_headers: str = ""  # likewise
    response: bytes = b""  # the beginning of the answer's body, as it came
    truncated: bool = False  # the answer was longer than was read


class Destination(Struct, frozen=True, kw_only=True):
    """One (workspace, origin): the unit of fairness, rates and breakers."""

    destination_id: int
    workspace_id: str
    origin: str
    breaker: Breaker
    next_due_at_ms: int | None = None  # of its deliveries that are not held
    paused_at_ms: int | None = None  # by a person
