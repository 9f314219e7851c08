"""The delivery log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ringback.storage.sql import delivery_verbs as verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import delivery_from, destination_from, event_from
from ringback.storage.sql.work import Work
from ringback.webhooks.desk import DeliveryFilter, DeliveryPage, FeedItem
from ringback.webhooks.model import Delivery, DeliveryStatus, Destination

WINDOW = 5_000
"""How many deliveries a page looks at, at most: some tens of milliseconds."""

_AFTER_ALL = 2**63 - 1
_SLACK_MS = 60_000  # clocks are set, and jobs end a little before that is committed
_TROUBLED = (DeliveryStatus.EXHAUSTED, DeliveryStatus.DISCARDED, DeliveryStatus.CANCELLED)
_decode_ids = msgspec.json.Decoder(tuple[str, ...]).decode


class SqlLog(SqlBase):
    """A ``DeliveryLog``."""

    async def get_delivery(self, delivery_id: str) -> Delivery | None:
        """Return the delivery of that id, of any workspace, or None."""
        rows = await self._read("deliveries.get_delivery", delivery_id=delivery_id)
        return delivery_from(rows[0]) if rows else None

    async def list_deliveries(
        self, wanted: DeliveryFilter, *, limit: int, before_seq: int | None = None
    ) -> DeliveryPage:
        """Return a page of deliveries, newest first, having looked at 5,000 at most."""
        return await self._look(lambda: _list(wanted, limit, before_seq))

    async def redeliver(self, delivery: Delivery, *, now_ms: int) -> bool:
        """Begin another round, due at once; False if the delivery has changed hands meanwhile."""
        return bool(await self._call(verbs.begin_rounds, (delivery, now_ms)))

    async def events_after(self, workspace_id: str, *, seq: int, limit: int) -> list[FeedItem]:
        """Return a workspace's events after that place, in the order of commits."""
        asked = {"workspace_id": workspace_id, "seq": seq, "limit": limit}
        return [
            FeedItem(event=event_from(row), webhook_ids=_decode_ids(row[9]))
            for row in await self._scan("log.events_after", **asked)
        ]

    async def last_event_seq(self, workspace_id: str) -> int:
        """Return the place of a workspace's newest event, or 0."""
        ((seq,),) = await self._read("log.last_event_of", workspace_id=workspace_id)
        assert isinstance(seq, int)
        return seq

    async def get_destination(self, workspace_id: str, origin: str) -> Destination | None:
        """Return what is known of a destination, or None."""
        rows = await self._read("log.get_destination", workspace_id=workspace_id, origin=origin)
        return destination_from(rows[0]) if rows else None

    async def list_destinations(
        self, workspace_id: str, *, limit: int, after_origin: str = ""
    ) -> list[Destination]:
        """Return a workspace's destinations, by origin."""
        asked = {"workspace_id": workspace_id, "limit": limit, "after_origin": after_origin}
        return [destination_from(row) for row in await self._read("log.list_destinations", **asked)]

    async def pause_destination(self, destination_id: int, *, paused_at_ms: int | None) -> None:
        """Pause a destination until a person resumes it (None)."""
        asked = {"destination_id": destination_id, "paused_at_ms": paused_at_ms}
        await self._write("log.pause_destination", **asked)

    async def waiting_at(self, destination_ids: Sequence[int], *, limit: int) -> dict[int, int]:
        """Return how many deliveries nobody holds wait at each, counting to a limit."""
        asked = {"destination_ids": list(destination_ids), "limit": limit}
        return {number: count for number, count in await self._scan("log.waiting_at", **asked)}

    async def waiting_before(self, delivery: Delivery, *, limit: int) -> int:
        """Return how many deliveries of its destination are due before it, counting to a limit."""
        if delivery.next_attempt_at_ms is None:
            return 0
        ((count,),) = await self._scan(
            "log.waiting_before",
            delivery_id=delivery.delivery_id,
            destination_id=delivery.destination_id,
            at_ms=delivery.next_attempt_at_ms,
            limit=limit,
        )
        assert isinstance(count, int)
        return count


def window_for(wanted: DeliveryFilter) -> str:
    """Return the statement whose index leaves the least to look through."""
    if wanted.job_id is not None:
        return "log.window_of_job"
    if wanted.workspace_id is None:
        by_endpoint = wanted.endpoint_id is not None
        return "log.window_of_endpoint" if by_endpoint else "log.window_of_all"
    if wanted.endpoint_id is not None:
        return "log.window_of_endpoint"
    if wanted.reason is not None:
        return "log.window_of_reason"
    if wanted.status in _TROUBLED:
        return "log.window_of_troubled"
    if wanted.destination is not None:
        return "log.window_of_destination"
    return "log.window_of_workspace"


def bounds_of(wanted: DeliveryFilter) -> Work[tuple[int, int]]:
    """Return the first place that a filter's times leave, and the place behind the last.

    A log of one window is looked through whatever its times are; in a longer one they are sought.
    """
    if not wanted.is_timed or wanted.job_id is not None or (yield from _is_short(wanted)):
        return 0, _AFTER_ALL
    since_ms, before_ms = wanted.since_ms, wanted.before_ms
    return (
        0 if since_ms is None else (yield from _first_since(wanted, since_ms - _SLACK_MS)),
        _AFTER_ALL
        if before_ms is None
        else (yield from _first_since(wanted, before_ms + _SLACK_MS)),
    )


def _is_short(wanted: DeliveryFilter) -> Work[bool]:
    statement = "log.count_some_of_all" if wanted.workspace_id is None else "log.count_some"
    asked = {"workspace_id": wanted.workspace_id, "limit": WINDOW + 1}
    ((count,),) = yield statement, asked
    assert isinstance(count, int)
    return count <= WINDOW


def _first_since(wanted: DeliveryFilter, at_ms: int) -> Work[int]:
    """Return the place of the first delivery made at that time or later, by halving the log."""
    statement = "log.first_of_all_from" if wanted.workspace_id is None else "log.first_from"
    ((last_seq,),) = yield "chores.last_delivery_seq", {}
    assert isinstance(last_seq, int)
    low, high = 0, last_seq + 1
    while low < high:
        middle = (low + high) // 2
        asked = {"workspace_id": wanted.workspace_id, "seq": middle}
        found: list[Any] = yield statement, asked
        if not found or found[0][1] >= at_ms:
            high = middle
        else:
            low = found[0][0] + 1
    return low


def _list(wanted: DeliveryFilter, limit: int, before_seq: int | None) -> Work[DeliveryPage]:
    first_seq, end_seq = yield from bounds_of(wanted)
    bindings = {
        **{name: getattr(wanted, name) for name in wanted.__struct_fields__},
        "first_seq": first_seq,
        "before_seq": end_seq if before_seq is None else min(before_seq, end_seq),
    }
    return (yield from _page(window_for(wanted), bindings, limit))


def _page(statement: str, bindings: dict[str, Any], limit: int) -> Work[DeliveryPage]:
    found: list[int] = []
    seen_count = 0
    last_seq = bindings["before_seq"]
    # Growing stretches: a page that fills at once looks at little, one of few finds asks seldom.
    stretch = limit + 1
    while seen_count < WINDOW:
        stretch = min(stretch, WINDOW - seen_count)
        rows = yield statement, {**bindings, "before_seq": last_seq, "window": stretch}
        for last_seq, is_wanted in rows:
            # One more than asked for tells that another page follows.
            if is_wanted and len(found) == limit:
                return DeliveryPage(items=(yield from _deliveries(found)), next_seq=found[-1])
            if is_wanted:
                found.append(last_seq)
        seen_count += len(rows)
        if len(rows) < stretch:
            return DeliveryPage(items=(yield from _deliveries(found)), next_seq=None)
        stretch *= 4
    return DeliveryPage(items=(yield from _deliveries(found)), next_seq=last_seq)


def _deliveries(seqs: Sequence[int]) -> Work[tuple[Delivery, ...]]:
    rows: Any = yield "log.deliveries_at", {"seqs": seqs}
    found = {row[0]: delivery_from(row[1:]) for row in rows}
    return tuple(found[seq] for seq in seqs if seq in found)
