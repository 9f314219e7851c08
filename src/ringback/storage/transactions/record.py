"""The transaction that records attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringback.storage.mapping.rows import (
    attempt_row,
    breaker_row,
    destination_from,
    endpoint_from,
    endpoint_row,
)
from ringback.storage.transactions.bulk_operations import add_endpoint_operation
from ringback.storage.transactions.guarded_writes import winners, write_guarded
from ringback.storage.transactions.outbox_writes import IdFactory, write_outbox
from ringback.storage.transactions.work import Rows, Statement, TransactionScript, together
from ringback.storage.transactions.workspace_counters import lock_counters
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import OPERATOR
from ringback.webhooks.fanout import delivery_to
from ringback.webhooks.model import Destination
from ringback.webhooks.operator_events import notice
from ringback.webhooks.outbox import AttemptRecord, RecordOutcome
from ringback.webhooks.receiver_health import (
    Notice,
    destinations_after,
    endpoints_after,
    exhausted_notices,
)
from ringback.webhooks.store import BulkOperationKind


def record_attempts(
    items: Sequence[AttemptRecord], *, id_factory: IdFactory
) -> TransactionScript[list[RecordOutcome]]:
    """Write attempts, their deliveries, the health of their receivers, and operator events."""
    won, rows = yield from _write_deliveries(items)
    recorded = [item for item, mine in zip(items, won, strict=True) if mine]
    if not recorded:
        return [RecordOutcome(written=False)] * len(items)
    attempts = [attempt_row(item.delivery, item.attempt) for item in recorded]
    yield from together(("deliveries.insert_attempts", {"rows": attempts}), _hastening(recorded))
    before = {row[0]: destination_from(row) for row in rows}
    destinations, notices = destinations_after(recorded, before)
    yield from _write_breakers(destinations, before=before)
    endpoints_before = yield from _read_endpoints(recorded)
    endpoints, more = endpoints_after(recorded, endpoints_before)
    yield from _write_endpoints(endpoints, id_factory, before=endpoints_before)
    if id_factory.operator_url is not None:
        notices += more + exhausted_notices(recorded)
        yield from _write_operator_outbox(
            notices, id_factory, url=id_factory.operator_url, now_ms=recorded[-1].now_ms
        )
    return [
        RecordOutcome(
            written=mine, paused=mine and _is_paused(destinations[item.delivery.destination_id])
        )
        for item, mine in zip(items, won, strict=True)
    ]


def _write_deliveries(items: Sequence[AttemptRecord]) -> TransactionScript[tuple[list[bool], Rows]]:
    """Return which deliveries were written, and the destinations' rows, locked."""
    rows = [
        (
            item.delivery.delivery_id,
            item.delivery.epoch,
            item.delivery.status.value,
            item.delivery.attempts_count,
            item.delivery.round_attempts_count,
            item.delivery.next_attempt_at_ms,
            item.delivery.ended_at_ms,
            item.delivery.reason,
        )
        for item in items
    ]
    numbers = sorted({item.delivery.destination_id for item in items})
    done, destinations = yield from write_guarded(
        "deliveries.record_deliveries",
        rows,
        beside=("deliveries.destinations_in", {"destination_ids": numbers}),
        epochs_raised=1,
    )
    versions = [(item.delivery.delivery_id, item.delivery.epoch) for item in items]
    return winners(done, versions), destinations


def _hastening(recorded: Sequence[AttemptRecord]) -> Statement | None:
    """Return the statement that makes destinations due at their next attempts, if there are any."""
    due: dict[int, int] = {}
    for item in recorded:
        at_ms = item.delivery.next_attempt_at_ms
        if at_ms is not None:
            number = item.delivery.destination_id
            due[number] = min(at_ms, due.get(number, at_ms))
    rows = list(due.items())
    return ("deliveries.hasten_destinations", {"rows": rows}) if rows else None


def _write_breakers(
    destinations: Mapping[int, Destination], *, before: Mapping[int, Destination]
) -> TransactionScript[None]:
    changed = [
        breaker_row(number, now.breaker)
        for number, now in destinations.items()
        if now.breaker != before[number].breaker
    ]
    if changed:
        yield "deliveries.write_breakers", {"rows": changed}


def _read_endpoints(recorded: Sequence[AttemptRecord]) -> TransactionScript[dict[str, Endpoint]]:
    ids = {item.delivery.endpoint_id for item in recorded} - {None}
    if not ids:
        return {}
    rows = yield "endpoints.endpoints_in", {"endpoint_ids": list(ids)}
    return {row[0]: endpoint_from(row) for row in rows}


def _write_endpoints(
    endpoints: Mapping[str, Endpoint], id_factory: IdFactory, *, before: Mapping[str, Endpoint]
) -> TransactionScript[None]:
    """Write endpoints that changed; the waiting deliveries of disabled ones will be discarded."""
    for endpoint_id, now in endpoints.items():
        if now != before[endpoint_id]:
            yield "endpoints.change_endpoint", endpoint_row(now)
        if now.disabled_at_ms is not None and before[endpoint_id].disabled_at_ms is None:
            yield from add_endpoint_operation(
                BulkOperationKind.DISCARD, now, id_factory, now_ms=now.disabled_at_ms
            )


def _write_operator_outbox(
    notices: Sequence[Notice], id_factory: IdFactory, *, url: str, now_ms: int
) -> TransactionScript[None]:
    owed = []
    for event_type, facts in notices:
        event = notice(event_type, facts, event_id=id_factory.new_id(), now_ms=now_ms)
        owed.append((event, [delivery_to(url, event, delivery_id=id_factory.new_id())]))
    if owed:
        counters = yield from lock_counters([OPERATOR])
        yield from write_outbox(owed, counters)


def _is_paused(destination: Destination) -> bool:
    return not destination.breaker.is_closed and destination.breaker.flying == 0
