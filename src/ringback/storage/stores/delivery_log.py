"""The store of the delivery log, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ringback.storage.mapping.rows import attempt_from, delivery_from, destination_from, event_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import deliveries
from ringback.storage.transactions.bulk_operations import SLACK_MS, first_seq_since
from ringback.storage.transactions.work import TransactionScript
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination
from ringback.webhooks.store import DeliveryFilter, DeliveryPage, FeedItem

WINDOW = 5_000
"""The most deliveries that a page reads: some tens of milliseconds."""

_AFTER_ALL = 2**63 - 1
_TROUBLED = (DeliveryStatus.EXHAUSTED, DeliveryStatus.DISCARDED, DeliveryStatus.CANCELLED)
_decode_ids = msgspec.json.Decoder(tuple[str, ...]).decode


class SqlLog(SqlBase):
    """A ``DeliveryLog``."""

    async def get_delivery(self, delivery_id: str) -> Delivery | None:
        rows = await self._read("deliveries.get_delivery", delivery_id=delivery_id)
        return delivery_from(rows[0]) if rows else None

    async def list_deliveries(
        self, selection: DeliveryFilter, *, limit: int, before_seq: int | None = None
    ) -> DeliveryPage:
        return await self._snapshot(lambda: _list(selection, limit, before_seq))

    async def attempts_of_each(self, delivery_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        attempts: dict[str, list[Attempt]] = {delivery_id: [] for delivery_id in delivery_ids}
        rows = await self._scan("deliveries.attempts_of", delivery_ids=list(delivery_ids))
        for row in rows:
            attempts[row[0]].append(attempt_from(row[1:]))
        return attempts

    async def redeliver(self, delivery: Delivery, *, now_ms: int) -> bool:
        return bool(await self._call(deliveries.begin_round, (delivery, now_ms)))

    async def events_after(self, workspace_id: str, *, seq: int, limit: int) -> list[FeedItem]:
        bindings = {"workspace_id": workspace_id, "seq": seq, "limit": limit}
        return [
            FeedItem(event=event_from(row), webhook_ids=_decode_ids(row[9]))
            for row in await self._scan("log.events_after", **bindings)
        ]

    async def last_event_seq(self, workspace_id: str) -> int:
        ((seq,),) = await self._read("log.last_event_of", workspace_id=workspace_id)
        return int(seq)

    async def get_destination(self, workspace_id: str, origin: str) -> Destination | None:
        rows = await self._read("log.get_destination", workspace_id=workspace_id, origin=origin)
        return destination_from(rows[0]) if rows else None

    async def list_destinations(
        self, workspace_id: str, *, limit: int, after_origin: str = ""
    ) -> list[Destination]:
        bindings = {"workspace_id": workspace_id, "limit": limit, "after_origin": after_origin}
        return [
            destination_from(row) for row in await self._read("log.list_destinations", **bindings)
        ]

    async def pause_destination(self, destination_id: int, *, paused_at_ms: int | None) -> None:
        bindings = {"destination_id": destination_id, "paused_at_ms": paused_at_ms}
        await self._write("log.pause_destination", **bindings)

    async def waiting_at(self, destination_ids: Sequence[int], *, limit: int) -> dict[int, int]:
        bindings = {"destination_ids": list(destination_ids), "limit": limit}
        return {number: count for number, count in await self._scan("log.waiting_at", **bindings)}

    async def waiting_before(self, delivery: Delivery, *, limit: int) -> int:
        if delivery.next_attempt_at_ms is None:
            return 0
        ((count,),) = await self._scan(
            "log.waiting_before",
            delivery_id=delivery.delivery_id,
            destination_id=delivery.destination_id,
            at_ms=delivery.next_attempt_at_ms,
            limit=limit,
        )
        return int(count)


def window_for(selection: DeliveryFilter) -> str:
    """Return the statement whose index leaves the fewest rows to read."""
    if selection.job_id is not None:
        return "log.window_of_job"
    if selection.workspace_id is None:
        by_endpoint = selection.endpoint_id is not None
        return "log.window_of_endpoint" if by_endpoint else "log.window_of_all"
    if selection.endpoint_id is not None:
        return "log.window_of_endpoint"
    if selection.reason is not None:
        return "log.window_of_reason"
    if selection.status in _TROUBLED:
        return "log.window_of_troubled"
    if selection.destination is not None:
        return "log.window_of_destination"
    return "log.window_of_workspace"


def bounds_of(selection: DeliveryFilter) -> TransactionScript[tuple[int, int]]:
    """Return the first position within a filter's times, and the position behind the last.

    A log of one window is read whole; in a longer one the positions are searched for.
    """
    if not selection.is_timed or selection.job_id is not None or (yield from _is_short(selection)):
        return 0, _AFTER_ALL
    since_ms, before_ms = selection.since_ms, selection.before_ms
    return (
        0 if since_ms is None else (yield from _first_since(selection, since_ms - SLACK_MS)),
        _AFTER_ALL
        if before_ms is None
        else (yield from _first_since(selection, before_ms + SLACK_MS)),
    )


def _is_short(selection: DeliveryFilter) -> TransactionScript[bool]:
    statement = "log.count_some_of_all" if selection.workspace_id is None else "log.count_some"
    bindings = {"workspace_id": selection.workspace_id, "limit": WINDOW + 1}
    ((count,),) = yield statement, bindings
    assert isinstance(count, int)
    return count <= WINDOW


def _first_since(selection: DeliveryFilter, at_ms: int) -> TransactionScript[int]:
    statement = "log.first_of_all_from" if selection.workspace_id is None else "log.first_from"
    ((last_seq,),) = yield "bulk_operations.last_delivery_seq", {}
    return (
        yield from first_seq_since(
            statement, at_ms, workspace_id=selection.workspace_id, last_seq=last_seq
        )
    )


def _list(
    selection: DeliveryFilter, limit: int, before_seq: int | None
) -> TransactionScript[DeliveryPage]:
    first_seq, end_seq = yield from bounds_of(selection)
    bindings = {
        **{name: getattr(selection, name) for name in selection.__struct_fields__},
        "first_seq": first_seq,
        "before_seq": end_seq if before_seq is None else min(before_seq, end_seq),
    }
    return (yield from _page(window_for(selection), bindings, limit))


def _page(statement: str, bindings: dict[str, Any], limit: int) -> TransactionScript[DeliveryPage]:
    found: list[int] = []
    seen_count = 0
    last_seq = bindings["before_seq"]
    # Stretches grow: a page that fills at once reads few rows, one of few matches queries seldom.
    stretch = limit + 1
    while seen_count < WINDOW:
        stretch = min(stretch, WINDOW - seen_count)
        rows = yield statement, {**bindings, "before_seq": last_seq, "window": stretch}
        for last_seq, is_selected in rows:
            # One more than the limit shows that another page follows.
            if is_selected and len(found) == limit:
                return DeliveryPage(items=(yield from _deliveries(found)), next_seq=found[-1])
            if is_selected:
                found.append(last_seq)
        seen_count += len(rows)
        if len(rows) < stretch:
            return DeliveryPage(items=(yield from _deliveries(found)), next_seq=None)
        stretch *= 4
    return DeliveryPage(items=(yield from _deliveries(found)), next_seq=last_seq)


def _deliveries(seqs: Sequence[int]) -> TransactionScript[tuple[Delivery, ...]]:
    rows: Any = yield "log.deliveries_at", {"seqs": seqs}
    found = {row[0]: delivery_from(row[1:]) for row in rows}
    return tuple(found[seq] for seq in seqs if seq in found)
