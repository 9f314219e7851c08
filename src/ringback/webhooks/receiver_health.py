"""Decides how destinations and endpoints fare after attempts: pure, called by the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from ringback.egress.answer import Reason
from ringback.webhooks.breaker import after_failure, after_success
from ringback.webhooks.endpoints import Endpoint, is_listener, percent_to_warn
from ringback.webhooks.events import OPERATOR, EventType
from ringback.webhooks.model import DeliveryStatus, Destination
from ringback.webhooks.operator_events import about_delivery, about_destination, about_endpoint
from ringback.webhooks.outbox import AttemptRecord

Notice = tuple[EventType, dict[str, Any]]
"""An event for the operator: its type and its facts."""


def destinations_after(
    records: Iterable[AttemptRecord], before: Mapping[int, Destination]
) -> tuple[dict[int, Destination], list[Notice]]:
    """Return the destinations with their breakers after these attempts, and the notices of that."""
    after = dict(before)
    notices: list[Notice] = []
    for record in records:
        known = after[record.delivery.destination_id]
        after_attempt = after_success if record.healthy else after_failure
        breaker = after_attempt(known.breaker, now_ms=record.now_ms, settings=record.breaker)
        if breaker == known.breaker:
            continue
        now = replace(known, breaker=breaker)
        after[now.destination_id] = now
        if breaker.is_closed != known.breaker.is_closed and _concerns_operator(now):
            recovered, paused = EventType.DESTINATION_RECOVERED, EventType.DESTINATION_PAUSED
            notices.append((recovered if breaker.is_closed else paused, about_destination(now)))
    return after, notices


def endpoints_after(
    records: Iterable[AttemptRecord], before: Mapping[str, Endpoint]
) -> tuple[dict[str, Endpoint], list[Notice]]:
    """Return the endpoints as they are after these attempts, and the notices of that.

    Attempts of endpoints that are not in ``before`` change nothing: they were deleted meanwhile.
    """
    after = dict(before)
    notices: list[Notice] = []
    for record in records:
        endpoint = after.get(record.delivery.endpoint_id or "")
        if endpoint is not None:
            after[endpoint.endpoint_id], more = _endpoint_after(endpoint, record)
            notices += more
    return after, notices


def exhausted_notices(records: Iterable[AttemptRecord]) -> list[Notice]:
    """Return a notice for each delivery that these attempts exhausted, but for the operator's."""
    return [
        (EventType.DELIVERY_EXHAUSTED, about_delivery(record.delivery))
        for record in records
        if record.delivery.status is DeliveryStatus.EXHAUSTED
        and record.delivery.workspace_id != OPERATOR
    ]


def _concerns_operator(destination: Destination) -> bool:
    """Say whether the operator gets notices of it: not of its own, nor of a program on a laptop."""
    return destination.workspace_id != OPERATOR and not is_listener(destination.origin)


def _endpoint_after(endpoint: Endpoint, record: AttemptRecord) -> tuple[Endpoint, list[Notice]]:
    if record.delivery.status is DeliveryStatus.DELIVERED:
        return replace(endpoint, failing_since_ms=None, warned_percent=0), []
    if endpoint.disabled_at_ms is not None or record.attempt.reason == Reason.LAB:
        return endpoint, []
    since_ms = endpoint.failing_since_ms or record.now_ms
    endpoint = replace(endpoint, failing_since_ms=since_ms)
    percent = percent_to_warn(endpoint, now_ms=record.now_ms, settings=record.failing)
    if percent == 100 or record.gone:
        reason = "gone" if record.gone else "failing"
        endpoint = replace(endpoint, disabled_at_ms=record.now_ms, disabled_reason=reason)
        facts = about_endpoint(endpoint, percent=percent or 0)
        return endpoint, [(EventType.ENDPOINT_DISABLED, facts)]
    if percent is None:
        return endpoint, []
    endpoint = replace(endpoint, warned_percent=percent)
    facts = about_endpoint(endpoint, percent=percent)
    return endpoint, [(EventType.ENDPOINT_FAILING, facts)]
