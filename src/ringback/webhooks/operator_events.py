"""The operator's events: about deliveries, endpoints and destinations. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import OPERATOR, Event, EventType
from ringback.webhooks.model import Delivery, Destination
from ringback.wire.document import iso_time


def notice(event_type: EventType, data: dict[str, Any], *, event_id: str, now_ms: int) -> Event:
    """Return an event for the operator: its type, its time, and the facts.

    It has no job, even if it is about one: the events of a job are those of its workspace.
    """
    body = {"type": event_type, "timestamp": iso_time(now_ms), "data": data}
    return Event(
        event_id=event_id,
        workspace_id=OPERATOR,
        job_id="",
        type=event_type,
        engine="",
        model="",
        created_at_ms=now_ms,
        body=msgspec.json.encode(body),
    )


def about_delivery(delivery: Delivery) -> dict[str, Any]:
    """Return the facts of a delivery that was given up."""
    return {
        "delivery_id": delivery.delivery_id,
        "workspace_id": delivery.workspace_id,
        "job_id": delivery.job_id,
        "event": delivery.event,
        "destination": delivery.destination,
        "endpoint_id": delivery.endpoint_id,
        "attempts": delivery.attempts_count,
        "reason": delivery.reason,
    }


def about_endpoint(endpoint: Endpoint, *, percent: int) -> dict[str, Any]:
    """Return the facts of a failing endpoint, with its percentage of the time to being disabled."""
    since_ms = endpoint.failing_since_ms
    return {
        "endpoint_id": endpoint.endpoint_id,
        "workspace_id": endpoint.workspace_id,
        "destination": endpoint.destination,
        "failing_since": None if since_ms is None else iso_time(since_ms),
        "percent": percent,
        "reason": endpoint.disabled_reason,
    }


def about_destination(destination: Destination) -> dict[str, Any]:
    """Return the facts of a destination whose breaker opened or closed."""
    until_ms = destination.breaker.open_until_ms
    return {
        "workspace_id": destination.workspace_id,
        "destination": destination.origin,
        "failures": destination.breaker.failures_count,
        "paused_until": None if until_ms is None else iso_time(until_ms),
    }
