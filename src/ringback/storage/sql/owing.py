"""Writing events and the deliveries that they owe, within somebody's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from ringback.storage.sql.load import Load
from ringback.storage.sql.rows import delivery_row, endpoint_from, event_row
from ringback.storage.sql.work import Ask, Rows, Work, together
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.model import Delivery


class Mint(Struct, frozen=True, kw_only=True):
    """What a store needs to make deliveries by itself: new ids, and where the operator is told."""

    new_id: Callable[[], str]
    operator_url: str | None = None


Owed = tuple[Event, Sequence[Delivery]]

Placed = tuple[int, str, Delivery]
"""A delivery, behind its event's place and id."""


def write_owed(owed: Sequence[Owed], load: Load, *, beside: Sequence[Ask] = ()) -> Work[None]:
    """Write events, each with its deliveries, and the books, these counted in.

    What is to be written ``beside`` concerns neither events nor destinations.
    """
    deliveries = [delivery for _, some in owed for delivery in some]
    for workspace_id, count in Counter(one.workspace_id for one in deliveries).items():
        load.add(workspace_id, owed=count)
    if not owed:
        yield from together(*beside, load.changes())
        return
    events = {event.event_id: event for event, _ in owed}
    rows = [event_row(event) for event in events.values()]
    written: list[Any] = yield from together(
        ("deliveries.insert_events", {"rows": rows}),
        _making_due(deliveries) if deliveries else None,
        *beside,
    )
    if deliveries:
        seqs: dict[str, int] = dict(written[0])
        placed = [
            (seqs[event.event_id], event.event_id, one) for event, some in owed for one in some
        ]
        yield from together(_inserting(placed, written[1]), load.changes())
    else:
        yield from load.write()


def write_deliveries(owed: Sequence[Placed]) -> Work[None]:
    """Write new deliveries and make their destinations due."""
    destinations = yield _making_due([delivery for _, _, delivery in owed])
    yield _inserting(owed, destinations)


def _making_due(deliveries: Sequence[Delivery]) -> Ask:
    due: dict[tuple[str, str], int] = {}
    for delivery in deliveries:
        key = delivery.workspace_id, delivery.destination
        at_ms = delivery.next_attempt_at_ms
        assert at_ms is not None
        due[key] = min(at_ms, due.get(key, at_ms))
    # In one order, so that no two transactions wait for each other.
    rows = [(*key, at_ms) for key, at_ms in sorted(due.items())]
    return "deliveries.upsert_destinations", {"rows": rows}


def _inserting(owed: Sequence[Placed], destinations: Rows) -> Ask:
    numbers = {(workspace_id, origin): number for number, workspace_id, origin in destinations}
    made = [
        delivery_row(
            delivery,
            destination_id=numbers[delivery.workspace_id, delivery.destination],
            event_seq=event_seq,
            event_id=event_id,
        )
        for event_seq, event_id, delivery in owed
    ]
    return "deliveries.insert_deliveries", {"rows": made}


def listening(workspace_id: str, load: Load) -> Work[list[Endpoint]]:
    """Return a workspace's endpoints that are not disabled."""
    if not load.has_endpoints(workspace_id):
        return []
    asked = {"workspace_id": workspace_id}
    return [endpoint_from(row) for row in (yield "endpoints.listening_endpoints", asked)]
