"""The delivery log in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import apsw
import msgspec

from ringback.storage.sqlite import delivery_verbs as verbs
from ringback.storage.sqlite.base import SqliteBase
from ringback.storage.sqlite.rows import as_json, delivery_from, destination_from, event_from
from ringback.storage.sqlite.statements import CHORES, DELIVERIES, LOG
from ringback.webhooks.desk import DeliveryFilter, DeliveryPage, FeedItem
from ringback.webhooks.model import Delivery, DeliveryStatus, Destination

WINDOW = 5_000
"""How many deliveries a page looks at, at most: some tens of milliseconds."""

_AFTER_ALL = 2**63 - 1
_SLACK_MS = 60_000  # clocks are set, and jobs end a little before that is committed
_TROUBLED = (DeliveryStatus.EXHAUSTED, DeliveryStatus.DISCARDED, DeliveryStatus.CANCELLED)
_decode_ids = msgspec.json.Decoder(tuple[str, ...]).decode


class SqliteLog(SqliteBase):
    """A ``DeliveryLog``."""

    async def get_delivery(self, delivery_id: str) -> Delivery | None:
        """Return the delivery of that id, of any workspace, or None."""
        rows = self._read(DELIVERIES.get_delivery, delivery_id=delivery_id)
        return delivery_from(rows[0]) if rows else None

    async def list_deliveries(
        self, wanted: DeliveryFilter, *, limit: int, before_seq: int | None = None
    ) -> DeliveryPage:
        """Return a page of deliveries, newest first, having looked at 5,000 at most."""

        def look(reader: apsw.Connection) -> DeliveryPage:
            first_seq, end_seq = bounds_of(reader, wanted)
            bindings = {
                **{name: getattr(wanted, name) for name in wanted.__struct_fields__},
                "first_seq": first_seq,
                "before_seq": end_seq if before_seq is None else min(before_seq, end_seq),
                "window": WINDOW,
            }
            return _page(reader, window_for(wanted), bindings, limit)

        return await self._look(look)

    async def redeliver(self, delivery: Delivery, *, now_ms: int) -> bool:
        """Begin another round, due at once; False if the delivery has changed hands meanwhile."""
        return bool(await self._writer.call(verbs.begin_rounds, (delivery, now_ms)))

    async def events_after(self, workspace_id: str, *, seq: int, limit: int) -> list[FeedItem]:
        """Return a workspace's events after that place, in the order of commits."""
        asked = {"workspace_id": workspace_id, "seq": seq, "limit": limit}
        return [
            FeedItem(event=event_from(row), webhook_ids=_decode_ids(row[9]))
            for row in await self._scan(LOG.events_after, **asked)
        ]

    async def last_event_seq(self, workspace_id: str) -> int:
        """Return the place of a workspace's newest event, or 0."""
        ((seq,),) = self._read(LOG.last_event_of, workspace_id=workspace_id)
        assert isinstance(seq, int)
        return seq

    async def get_destination(self, workspace_id: str, origin: str) -> Destination | None:
        """Return what is known of a destination, or None."""
        rows = self._read(LOG.get_destination, workspace_id=workspace_id, origin=origin)
        return destination_from(rows[0]) if rows else None

    async def list_destinations(
        self, workspace_id: str, *, limit: int, after_origin: str = ""
    ) -> list[Destination]:
        """Return a workspace's destinations, by origin."""
        asked = {"workspace_id": workspace_id, "limit": limit, "after_origin": after_origin}
        return [destination_from(row) for row in self._read(LOG.list_destinations, **asked)]

    async def pause_destination(self, destination_id: int, *, paused_at_ms: int | None) -> None:
        """Pause a destination until a person resumes it (None)."""
        asked = {"destination_id": destination_id, "paused_at_ms": paused_at_ms}
        await self._write(LOG.pause_destination, **asked)

    async def waiting_at(self, destination_ids: Sequence[int], *, limit: int) -> dict[int, int]:
        """Return how many deliveries nobody holds wait at each, counting to a limit."""
        asked = {"destination_ids": as_json(list(destination_ids)), "limit": limit}
        return {number: count for number, count in await self._scan(LOG.waiting_at, **asked)}

    async def waiting_before(self, delivery: Delivery, *, limit: int) -> int:
        """Return how many deliveries of its destination are due before it, counting to a limit."""
        if delivery.next_attempt_at_ms is None:
            return 0
        ((count,),) = await self._scan(
            LOG.waiting_before,
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
        return str(LOG.window_of_job)
    if wanted.workspace_id is None:
        by_endpoint = wanted.endpoint_id is not None
        return str(LOG.window_of_endpoint if by_endpoint else LOG.window_of_all)
    if wanted.endpoint_id is not None:
        return str(LOG.window_of_endpoint)
    if wanted.reason is not None:
        return str(LOG.window_of_reason)
    if wanted.status in _TROUBLED:
        return str(LOG.window_of_troubled)
    if wanted.destination is not None:
        return str(LOG.window_of_destination)
    return str(LOG.window_of_workspace)


def bounds_of(reader: apsw.Connection, wanted: DeliveryFilter) -> tuple[int, int]:
    """Return the first place that a filter's times leave, and the place behind the last.

    A log of one window is looked through whatever its times are; in a longer one they are sought.
    """
    if not wanted.is_timed or wanted.job_id is not None or _is_short(reader, wanted):
        return 0, _AFTER_ALL
    since_ms, before_ms = wanted.since_ms, wanted.before_ms
    return (
        0 if since_ms is None else _first_since(reader, wanted, since_ms - _SLACK_MS),
        _AFTER_ALL if before_ms is None else _first_since(reader, wanted, before_ms + _SLACK_MS),
    )


def _is_short(reader: apsw.Connection, wanted: DeliveryFilter) -> bool:
    statement = LOG.count_some_of_all if wanted.workspace_id is None else LOG.count_some
    asked = {"workspace_id": wanted.workspace_id, "limit": WINDOW + 1}
    ((count,),) = reader.execute(statement, asked).fetchall()
    assert isinstance(count, int)
    return count <= WINDOW


def _first_since(reader: apsw.Connection, wanted: DeliveryFilter, at_ms: int) -> int:
    """Return the place of the first delivery made at that time or later, by halving the log."""
    statement = LOG.first_of_all_from if wanted.workspace_id is None else LOG.first_from
    ((last_seq,),) = reader.execute(CHORES.last_delivery_seq).fetchall()
    assert isinstance(last_seq, int)
    low, high = 0, last_seq + 1
    while low < high:
        middle = (low + high) // 2
        asked = {"workspace_id": wanted.workspace_id, "seq": middle}
        found: list[Any] = reader.execute(statement, asked).fetchall()
        if not found or found[0][1] >= at_ms:
            high = middle
        else:
            low = found[0][0] + 1
    return low


def _page(
    reader: apsw.Connection, statement: str, bindings: dict[str, Any], limit: int
) -> DeliveryPage:
    found: list[int] = []
    seen_count = 0
    last_seq: int | None = None
    is_full = False
    with closing(reader.cursor()) as rows:
        row: Any
        for row in rows.execute(statement, bindings):
            seq, is_wanted = row
            # One more than asked for tells that another page follows.
            is_full = bool(is_wanted) and len(found) == limit
            if is_full:
                break
            seen_count += 1
            last_seq = seq
            if is_wanted:
                found.append(seq)
    looked_at_all = seen_count < bindings["window"]
    more = found[-1] if is_full else None if looked_at_all else last_seq
    return DeliveryPage(items=_deliveries(reader, found), next_seq=more)


def _deliveries(reader: apsw.Connection, seqs: Sequence[int]) -> tuple[Delivery, ...]:
    rows: Any = reader.execute(LOG.deliveries_at, {"seqs": as_json(seqs)})
    found = {row[0]: delivery_from(row[1:]) for row in rows}
    return tuple(found[seq] for seq in seqs if seq in found)
