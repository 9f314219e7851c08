"""Writing events and the deliveries that they owe, within somebody's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import apsw
from msgspec import Struct

from ringback.storage.sqlite.load import Load
from ringback.storage.sqlite.rows import as_json, delivery_row, endpoint_from, event_row
from ringback.storage.sqlite.statements import DELIVERIES, ENDPOINTS
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.model import Delivery


class Mint(Struct, frozen=True, kw_only=True):
    """What a store needs to make deliveries by itself: new ids, and where the operator is told."""

    new_id: Callable[[], str]
    operator_url: str | None = None


Owed = tuple[Event, Sequence[Delivery]]


def write_owed(tx: apsw.Connection, owed: Sequence[Owed], load: Load) -> None:
    """Write events, each with its deliveries, and count them in the books."""
    if not owed:
        return
    events = {event.event_id: event for event, _ in owed}
    rows = as_json([event_row(event) for event in events.values()])
    written: list[Any] = tx.execute(DELIVERIES.insert_events, {"rows": rows}).fetchall()
    seqs: dict[str, int] = dict(written)
    pairs = [
        (seqs[event.event_id], delivery) for event, deliveries in owed for delivery in deliveries
    ]
    if not pairs:
        return
    write_deliveries(tx, pairs)
    for workspace_id, count in Counter(delivery.workspace_id for _, delivery in pairs).items():
        load.add(workspace_id, owed=count)


def write_deliveries(tx: apsw.Connection, pairs: Sequence[tuple[int, Delivery]]) -> None:
    """Write new deliveries, each of an event that was written, and make their destinations due."""
    due: dict[tuple[str, str], int] = {}
    for _, delivery in pairs:
        key = delivery.workspace_id, delivery.destination
        at_ms = delivery.next_attempt_at_ms
        assert at_ms is not None
        due[key] = min(at_ms, due.get(key, at_ms))
    rows = [(*key, at_ms) for key, at_ms in due.items()]
    numbers: dict[tuple[Any, Any], Any] = {
        (workspace_id, origin): number
        for number, workspace_id, origin in tx.execute(
            DELIVERIES.upsert_destinations, {"rows": as_json(rows)}
        ).fetchall()
    }
    made = [
        delivery_row(
            delivery,
            destination_id=numbers[delivery.workspace_id, delivery.destination],
            event_seq=event_seq,
        )
        for event_seq, delivery in pairs
    ]
    tx.execute(DELIVERIES.insert_deliveries, {"rows": as_json(made)})


def listening(tx: apsw.Connection, workspace_id: str, load: Load) -> list[Endpoint]:
    """Return a workspace's endpoints that are not disabled."""
    if not load.has_endpoints(workspace_id):
        return []
    asked = {"workspace_id": workspace_id}
    return [endpoint_from(row) for row in tx.execute(ENDPOINTS.listening_endpoints, asked)]
