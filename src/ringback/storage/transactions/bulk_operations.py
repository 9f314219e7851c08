"""The transactions of bulk operations: rows, cursor and count change together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ringback.errors import TooManyBulkOperations
from ringback.storage.mapping.rows import (
    bulk_operation_from,
    bulk_operation_row,
    endpoint_from,
    event_from,
)
from ringback.storage.transactions.outbox_writes import IdFactory, write_deliveries
from ringback.storage.transactions.work import TransactionScript, first
from ringback.storage.transactions.workspace_counters import lock_counters
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import TERMINAL_EVENTS
from ringback.webhooks.fanout import delivery_for
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.store import BulkOperation, BulkOperationKind, DeliveryFilter

_WINDOW = 1_000
"""How many rows a step reads at most, however few of them match its filter."""

_PER_S = 1_000  # deliveries of a disabled, moved or deleted endpoint

_ENDED = ("exhausted", "discarded", "cancelled")
SLACK_MS = 60_000  # clocks are set, and jobs end a little before that is committed

Step = tuple[BulkOperation, int, int]
"""A bulk operation, how much of it may be done now, and when that is."""


def add_bulk_operations(
    items: Sequence[tuple[BulkOperation, int | None]],
) -> TransactionScript[list[BulkOperation | TooManyBulkOperations]]:
    """Add bulk operations with the bounds that the log has now, each workspace up to its limit."""
    results: list[BulkOperation | TooManyBulkOperations] = []
    for item, running_max in items:
        yield from lock_counters([item.workspace_id])  # none is added, nor a delivery, meanwhile
        running = yield from _running_count(item.workspace_id)
        if running_max is not None and running >= running_max:
            results.append(TooManyBulkOperations(running_max))
            continue
        of_events = item.kind is BulkOperationKind.RECOVER
        last = (
            "bulk_operations.last_event_seq" if of_events else "bulk_operations.last_delivery_seq"
        )
        ((last_seq,),) = yield last, {}
        assert isinstance(last_seq, int)
        first_seq = (yield from _first_seq(item, last_seq)) if of_events else 0
        bulk_operation = replace(item, first_seq=first_seq, cursor=first_seq, last_seq=last_seq)
        yield "bulk_operations.add_bulk_operation", bulk_operation_row(bulk_operation)
        results.append(bulk_operation)
    return results


def add_endpoint_operation(
    kind: BulkOperationKind, endpoint: Endpoint, id_factory: IdFactory, *, now_ms: int
) -> TransactionScript[None]:
    """Begin to discard or move an endpoint's waiting deliveries, a few at a time."""
    yield from lock_counters([endpoint.workspace_id])  # to see deliveries that are being written
    ((last_seq,),) = yield "bulk_operations.last_delivery_seq", {}
    bulk_operation = BulkOperation(
        bulk_operation_id=id_factory.new_id(),
        workspace_id=endpoint.workspace_id,
        kind=kind,
        selection=DeliveryFilter(
            workspace_id=endpoint.workspace_id,
            endpoint_id=endpoint.endpoint_id,
            status=DeliveryStatus.WAITING,
        ),
        created_at_ms=now_ms,
        rate=_PER_S,
        first_seq=0,
        cursor=0,
        last_seq=last_seq,
    )
    yield "bulk_operations.add_bulk_operation", bulk_operation_row(bulk_operation)


def _running_count(workspace_id: str) -> TransactionScript[int]:
    bindings = {"workspace_id": workspace_id}
    ((count,),) = yield "bulk_operations.running_count", bindings
    return int(count)


def _first_seq(bulk_operation: BulkOperation, last_seq: int) -> TransactionScript[int]:
    """Return the position before the first event since that time, by bisection of the log."""
    if bulk_operation.selection.since_ms is None:
        return 0
    seq = yield from first_seq_since(
        "bulk_operations.first_event_from",
        bulk_operation.selection.since_ms - SLACK_MS,
        workspace_id=bulk_operation.workspace_id,
        last_seq=last_seq,
    )
    return max(0, seq - 1)


def first_seq_since(
    statement: str, at_ms: int, *, workspace_id: str | None, last_seq: int
) -> TransactionScript[int]:
    """Return the position of a log's first row made at that time or later, by bisection."""
    low, high = 0, last_seq + 1
    while low < high:
        middle = (low + high) // 2
        rows = yield statement, {"workspace_id": workspace_id, "seq": middle}
        if not rows or rows[0][1] >= at_ms:
            high = middle
        else:
            low = rows[0][0] + 1
    return low


def step_bulk_operations(
    items: Sequence[Step], *, id_factory: IdFactory
) -> TransactionScript[list[BulkOperation]]:
    """Do the next part of each bulk operation; one that ended meanwhile is left as it is."""
    results = []
    for item in items:
        results.append((yield from _step(*item, id_factory)))
    return results


def _step(
    item: BulkOperation, limit: int, now_ms: int, id_factory: IdFactory
) -> TransactionScript[BulkOperation]:
    row = first(
        (
            yield (
                "bulk_operations.hold_bulk_operation",
                {"bulk_operation_id": item.bulk_operation_id},
            )
        )
    )
    if row is None:
        return item
    bulk_operation = bulk_operation_from(row)
    if bulk_operation.ended_at_ms is not None:
        return bulk_operation
    read = _events if bulk_operation.kind is BulkOperationKind.RECOVER else _deliveries
    found, cursor = yield from read(bulk_operation, limit)
    done = (
        (yield from _DO[bulk_operation.kind](bulk_operation, found, now_ms, id_factory))
        if found
        else 0
    )
    bulk_operation = replace(
        bulk_operation,
        cursor=cursor,
        done_count=bulk_operation.done_count + done,
        ended_at_ms=now_ms if cursor >= bulk_operation.last_seq else None,
    )
    moved = {
        "bulk_operation_id": bulk_operation.bulk_operation_id,
        "cursor": bulk_operation.cursor,
        "done_count": bulk_operation.done_count,
        "ended_at_ms": bulk_operation.ended_at_ms,
    }
    yield "bulk_operations.move_bulk_operation", moved
    return bulk_operation


def _deliveries(
    bulk_operation: BulkOperation, limit: int
) -> TransactionScript[tuple[list[int], int]]:
    """Return the next deliveries that the bulk operation is about, and how far was looked."""
    selection = bulk_operation.selection
    statement = (
        "bulk_operations.next_deliveries"
        if selection.endpoint_id is None
        else "bulk_operations.next_deliveries_of_endpoint"
    )
    bindings = {
        **{name: getattr(selection, name) for name in selection.__struct_fields__},
        "workspace_id": bulk_operation.workspace_id,
        "cursor": bulk_operation.cursor,
        "last_seq": bulk_operation.last_seq,
        "window": _WINDOW,
    }
    found: list[int] = []
    rows: list[Any] = yield statement, bindings
    for seq, is_selected in rows:
        if is_selected:
            found.append(seq)
        if len(found) == limit:
            return found, seq
    return found, rows[-1][0] if len(rows) == _WINDOW else bulk_operation.last_seq


def _events(bulk_operation: BulkOperation, limit: int) -> TransactionScript[tuple[list[Any], int]]:
    bindings = {
        "workspace_id": bulk_operation.workspace_id,
        "cursor": bulk_operation.cursor,
        "last_seq": bulk_operation.last_seq,
        "window": limit,
    }
    rows: list[Any] = yield "bulk_operations.next_events", bindings
    return rows, rows[-1][0] if len(rows) == limit else bulk_operation.last_seq


def _redeliver(
    _bulk_operation: BulkOperation, seqs: list[int], now_ms: int, _id_factory: IdFactory
) -> TransactionScript[int]:
    """Begin another round of those that are not held, due at once."""
    begun: list[Any] = yield "bulk_operations.begin_rounds", {"seqs": seqs, "now_ms": now_ms}
    due = [(number, now_ms) for number in {number for (number,) in begun}]
    yield "deliveries.hasten_destinations", {"rows": due}
    return len(begun)


def _discard(
    _bulk_operation: BulkOperation, seqs: list[int], now_ms: int, _id_factory: IdFactory
) -> TransactionScript[int]:
    """Discard those that wait."""
    ended: list[Any] = yield "bulk_operations.discard", {"seqs": seqs, "now_ms": now_ms}
    numbers = list({number for (number,) in ended})
    yield "deliveries.settle_destinations", {"destination_ids": numbers}
    return len(ended)


def _move(
    bulk_operation: BulkOperation, seqs: list[int], now_ms: int, _id_factory: IdFactory
) -> TransactionScript[int]:
    """Let those that wait go to their endpoint's present URL."""
    endpoint = yield from _endpoint(bulk_operation)
    if endpoint is None:
        return 0
    row = (bulk_operation.workspace_id, endpoint.destination, now_ms)
    ((number, *_),) = yield "deliveries.upsert_destinations", {"rows": [row]}
    bindings = {
        "seqs": seqs,
        "url": endpoint.url,
        "destination": endpoint.destination,
        "destination_id": number,
    }
    moved: list[Any] = yield "bulk_operations.move", bindings
    # The upsert made it due now; the true times of both destinations are read from their rows.
    yield "deliveries.settle_destinations", {"destination_ids": [number]}
    return len(moved)


def _recover(
    bulk_operation: BulkOperation, rows: list[Any], now_ms: int, id_factory: IdFactory
) -> TransactionScript[int]:
    """Have the endpoint sent each event that it wants and was not brought."""
    endpoint = yield from _endpoint(bulk_operation)
    if endpoint is None:
        return 0
    fresh, again = [], []
    for row in rows:
        event = event_from(row)
        since_ms = bulk_operation.selection.since_ms
        is_missed = since_ms is None or event.created_at_ms >= since_ms
        if event.type not in TERMINAL_EVENTS or not is_missed:
            continue
        if not endpoint.wants(event.type, event.model):
            continue
        bindings = {
            "job_id": event.job_id,
            "event_seq": event.seq,
            "endpoint_id": endpoint.endpoint_id,
        }
        owed: list[Any] = yield "bulk_operations.deliveries_to_endpoint", bindings
        if not owed:
            delivery = delivery_for(endpoint, event, delivery_id=id_factory.new_id())
            due = replace(delivery, round_started_at_ms=now_ms, next_attempt_at_ms=now_ms)
            fresh.append((event.seq, event.event_id, due))
        again += [seq for _, seq, status in owed if status in _ENDED]
    if fresh:
        counters = yield from lock_counters([bulk_operation.workspace_id])
        yield from write_deliveries(fresh)
        counters.add(bulk_operation.workspace_id, owed=len(fresh))
        yield from counters.write()
    return len(fresh) + (
        (yield from _redeliver(bulk_operation, again, now_ms, id_factory)) if again else 0
    )


def _endpoint(bulk_operation: BulkOperation) -> TransactionScript[Endpoint | None]:
    bindings = {"endpoint_id": bulk_operation.selection.endpoint_id}
    row = first((yield "endpoints.get_endpoint", bindings))
    return None if row is None else endpoint_from(row)


_DO: dict[
    BulkOperationKind, Callable[[BulkOperation, list[Any], int, IdFactory], TransactionScript[int]]
] = {
    BulkOperationKind.REDELIVER: _redeliver,
    BulkOperationKind.RECOVER: _recover,
    BulkOperationKind.MOVE: _move,
    BulkOperationKind.DISCARD: _discard,
}
