"""Steps that write events and the deliveries they owe, within the transaction that owes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from ringback.storage.mapping.rows import delivery_row, endpoint_from, event_row
from ringback.storage.transactions.work import Rows, Statement, TransactionScript, together
from ringback.storage.transactions.workspace_counters import WorkspaceCounters
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.model import Delivery


class IdFactory(Struct, frozen=True, kw_only=True):
    """Makes ids for the deliveries that a store creates; knows the operator's webhook URL."""

    new_id: Callable[[], str]
    operator_url: str | None = None


Owed = tuple[Event, Sequence[Delivery]]

Sequenced = tuple[int, str, Delivery]
"""A delivery, behind its event's position in the log and its event's id."""


def write_outbox(
    owed: Sequence[Owed], counters: WorkspaceCounters, *, beside: Sequence[Statement] = ()
) -> TransactionScript[None]:
    """Write events, each with its deliveries, and the counters with these deliveries counted.

    The statements ``beside`` them touch neither events nor destinations.
    """
    deliveries = [delivery for _, some in owed for delivery in some]
    for workspace_id, count in Counter(one.workspace_id for one in deliveries).items():
        counters.add(workspace_id, owed=count)
    if not owed:
        yield from together(*beside, counters.changes())
        return
    events = {event.event_id: event for event, _ in owed}
    rows = [event_row(event) for event in events.values()]
    written: list[Any] = yield from together(
        ("deliveries.insert_events", {"rows": rows}),
        _upserting_destinations(deliveries) if deliveries else None,
        *beside,
    )
    if deliveries:
        seqs: dict[str, int] = dict(written[0])
        sequenced = [
            (seqs[event.event_id], event.event_id, one) for event, some in owed for one in some
        ]
        yield from together(_inserting(sequenced, written[1]), counters.changes())
    else:
        yield from counters.write()


def write_deliveries(owed: Sequence[Sequenced]) -> TransactionScript[None]:
    """Write new deliveries of old events and make their destinations due."""
    destinations = yield _upserting_destinations([delivery for _, _, delivery in owed])
    yield _inserting(owed, destinations)


def read_listening_endpoints(
    workspace_id: str, counters: WorkspaceCounters
) -> TransactionScript[list[Endpoint]]:
    """Return a workspace's endpoints that are not disabled."""
    if not counters.has_endpoints(workspace_id):
        return []
    rows = yield "endpoints.listening_endpoints", {"workspace_id": workspace_id}
    return [endpoint_from(row) for row in rows]


def _upserting_destinations(deliveries: Sequence[Delivery]) -> Statement:
    due: dict[tuple[str, str], int] = {}
    for delivery in deliveries:
        key = delivery.workspace_id, delivery.destination
        at_ms = delivery.next_attempt_at_ms
        assert at_ms is not None
        due[key] = min(at_ms, due.get(key, at_ms))
    # In one order, so that no two transactions wait for each other.
    rows = [(*key, at_ms) for key, at_ms in sorted(due.items())]
    return "deliveries.upsert_destinations", {"rows": rows}


def _inserting(owed: Sequence[Sequenced], destinations: Rows) -> Statement:
    numbers = {(workspace_id, origin): number for number, workspace_id, origin in destinations}
    rows = [
        delivery_row(
            delivery,
            destination_id=numbers[delivery.workspace_id, delivery.destination],
            event_seq=event_seq,
            event_id=event_id,
        )
        for event_seq, event_id, delivery in owed
    ]
    return "deliveries.insert_deliveries", {"rows": rows}
