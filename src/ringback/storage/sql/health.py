"""What attempts say of destinations and endpoints, within the transaction that records them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ringback.egress.answer import Reason
from ringback.storage.sql.load import load_of
from ringback.storage.sql.owing import Mint, write_owed
from ringback.storage.sql.rows import (
    as_json,
    breaker_row,
    destination_from,
    endpoint_from,
    endpoint_row,
)
from ringback.storage.sql.work import Rows, Work
from ringback.webhooks.breaker import after_failure, after_success
from ringback.webhooks.desk import ChoreKind, DeliveryFilter
from ringback.webhooks.endpoints import Endpoint, is_listener, percent_to_warn
from ringback.webhooks.events import OPERATOR, EventType
from ringback.webhooks.fanout import delivery_to
from ringback.webhooks.model import DeliveryStatus, Destination
from ringback.webhooks.notices import about_delivery, about_destination, about_endpoint, notice
from ringback.webhooks.outbox import Recording

Told = tuple[EventType, dict[str, Any]]
"""What the operator is told: the type and the facts."""

_PER_S = 1_000


def destinations_after(
    recorded: Sequence[Recording], rows: Rows
) -> Work[tuple[dict[int, Destination], list[Told]]]:
    """Write the breakers after these attempts; return the destinations, and what is to be told.

    ``rows`` are the destinations as they were, held by this transaction.
    """
    before = {row[0]: destination_from(row) for row in rows}
    after = dict(before)
    told: list[Told] = []
    for item in recorded:
        known = after[item.delivery.destination_id]
        judge = after_success if item.healthy else after_failure
        breaker = judge(known.breaker, now_ms=item.now_ms, settings=item.breaker)
        if breaker == known.breaker:
            continue
        now = replace(known, breaker=breaker)
        after[now.destination_id] = now
        if _is_news(now) and breaker.is_closed != known.breaker.is_closed:
            event_type = (
                EventType.DESTINATION_RECOVERED
                if breaker.is_closed
                else EventType.DESTINATION_PAUSED
            )
            told.append((event_type, about_destination(now)))
    changed = [
        breaker_row(number, now.breaker)
        for number, now in after.items()
        if now.breaker != before[number].breaker
    ]
    if changed:
        yield "deliveries.write_breakers", {"rows": changed}
    return after, told


def _is_news(destination: Destination) -> bool:
    """Say whether the operator is told of it: not of its own, nor of a program on a laptop."""
    return destination.workspace_id != OPERATOR and not is_listener(destination.origin)


def endpoints_after(recorded: Sequence[Recording], mint: Mint) -> Work[list[Told]]:
    """Write how endpoints fare after these attempts; return what the operator is to be told."""
    concerned = [item for item in recorded if item.delivery.endpoint_id is not None]
    if not concerned:
        return []
    ids = list({item.delivery.endpoint_id for item in concerned})
    before = {
        row[0]: endpoint_from(row)
        for row in (yield "endpoints.endpoints_in", {"endpoint_ids": ids})
    }
    after = dict(before)
    told: list[Told] = []
    for item in concerned:
        endpoint = after.get(item.delivery.endpoint_id or "")
        if endpoint is not None:  # it may have been deleted meanwhile
            after[endpoint.endpoint_id], heard = _endpoint_after(endpoint, item)
            told += heard
    for endpoint_id, now in after.items():
        if now != before[endpoint_id]:
            yield "endpoints.change_endpoint", endpoint_row(now)
        if now.disabled_at_ms is not None and before[endpoint_id].disabled_at_ms is None:
            yield from add_chore(ChoreKind.DISCARD, now, mint, now_ms=now.disabled_at_ms)
    return told


def _endpoint_after(endpoint: Endpoint, item: Recording) -> tuple[Endpoint, list[Told]]:
    if item.delivery.status is DeliveryStatus.DELIVERED:
        return replace(endpoint, failing_since_ms=None, warned_percent=0), []
    if endpoint.disabled_at_ms is not None or item.attempt.reason == Reason.LAB:
        return endpoint, []
    since_ms = endpoint.failing_since_ms or item.now_ms
    endpoint = replace(endpoint, failing_since_ms=since_ms)
    percent = percent_to_warn(endpoint, now_ms=item.now_ms, settings=item.failing)
    if percent == 100 or item.gone:
        reason = "gone" if item.gone else "failing"
        endpoint = replace(endpoint, disabled_at_ms=item.now_ms, disabled_reason=reason)
        facts = about_endpoint(endpoint, percent=percent or 0)
        return endpoint, [(EventType.ENDPOINT_DISABLED, facts)]
    if percent is None:
        return endpoint, []
    endpoint = replace(endpoint, warned_percent=percent)
    facts = about_endpoint(endpoint, percent=percent)
    return endpoint, [(EventType.ENDPOINT_FAILING, facts)]


def add_chore(kind: ChoreKind, endpoint: Endpoint, mint: Mint, *, now_ms: int) -> Work[None]:
    """Have an endpoint's waiting deliveries discarded or moved, a few at a time."""
    yield from load_of([endpoint.workspace_id])  # what is being written now shall be seen
    ((last_seq,),) = yield "chores.last_delivery_seq", {}
    wanted = DeliveryFilter(
        workspace_id=endpoint.workspace_id,
        endpoint_id=endpoint.endpoint_id,
        status=DeliveryStatus.WAITING,
    )
    chore = {
        "chore_id": mint.new_id(),
        "workspace_id": endpoint.workspace_id,
        "kind": kind.value,
        "wanted": as_json(wanted),
        "created_at_ms": now_ms,
        "rate": _PER_S,
        "first_seq": 0,
        "cursor": 0,
        "last_seq": last_seq,
        "done_count": 0,
        "ended_at_ms": None,
        "cancelled": 0,
    }
    yield "chores.add_chore", chore


def write_notices(recorded: Sequence[Recording], told: Sequence[Told], mint: Mint) -> Work[None]:
    """Owe the operator what is to be told, exhausted deliveries too; never about its own."""
    if mint.operator_url is None:
        return
    now_ms = recorded[-1].now_ms
    exhausted = [
        (EventType.DELIVERY_EXHAUSTED, about_delivery(item.delivery))
        for item in recorded
        if item.delivery.status is DeliveryStatus.EXHAUSTED
        and item.delivery.workspace_id != OPERATOR
    ]
    owed = []
    for event_type, facts in (*told, *exhausted):
        event = notice(event_type, facts, event_id=mint.new_id(), now_ms=now_ms)
        delivery = delivery_to(mint.operator_url, event, delivery_id=mint.new_id())
        owed.append((event, [delivery]))
    if owed:
        load = yield from load_of([OPERATOR])
        yield from write_owed(owed, load)
