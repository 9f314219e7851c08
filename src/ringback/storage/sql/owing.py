"""Writing events and the deliveries that they owe, within somebody's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from ringback.storage.sql.load import Load
from ringback.storage.sql.rows import delivery_row, endpoint_from, event_row
from ringback.storage.sql.work import Work
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.model import Delivery


class Mint(Struct, frozen=True, kw_only=True):
    """What a store needs to make deliveries by itself: new ids, and where the operator is told."""

    new_id: Callable[[], str]
    operator_url: str | None = None


Owed = tuple[Event, Sequence[Delivery]]


def write_owed(owed: Sequence[Owed], load: Load) -> Work[None]:
    """Write events, each with its deliveries, and count them in the books."""
    if not owed:
        return
    events = {event.event_id: event for event, _ in owed}
    rows = [event_row(event) for event in events.values()]
    written: list[Any] = yield "deliveries.insert_events", {"rows": rows}
    seqs: dict[str, int] = dict(written)
    pairs = [
        (seqs[event.event_id], event.event_id, delivery)
        for event, deliveries in owed
        for delivery in deliveries
    ]
    if not pairs:
        return
    yield from write_deliveries(pairs)
    for workspace_id, count in Counter(one.workspace_id for _, _, one in pairs).items():
        load.add(workspace_id, owed=count)


def write_deliveries(owed: Sequence[tuple[int, str, Delivery]]) -> Work[None]:
    """Write new deliveries, each with its event's place and id, and make their destinations due."""
    due: dict[tuple[str, str], int] = {}
    for _, _, delivery in owed:
        key = delivery.workspace_id, delivery.destination
        at_ms = delivery.next_attempt_at_ms
        assert at_ms is not None
        due[key] = min(at_ms, due.get(key, at_ms))
    # In one order, so that no two transactions wait for each other.
    rows = [(*key, at_ms) for key, at_ms in sorted(due.items())]
    numbers: dict[tuple[Any, Any], Any] = {
        (workspace_id, origin): number
        for number, workspace_id, origin in (yield "deliveries.upsert_destinations", {"rows": rows})
    }
    made = [
        delivery_row(
            delivery,
            destination_id=numbers[delivery.workspace_id, delivery.destination],
            event_seq=event_seq,
            event_id=event_id,
        )
        for event_seq, event_id, delivery in owed
    ]
    yield "deliveries.insert_deliveries", {"rows": made}


def listening(workspace_id: str, load: Load) -> Work[list[Endpoint]]:
    """Return a workspace's endpoints that are not disabled."""
    if not load.has_endpoints(workspace_id):
        return []
    asked = {"workspace_id": workspace_id}
    return [endpoint_from(row) for row in (yield "endpoints.listening_endpoints", asked)]
