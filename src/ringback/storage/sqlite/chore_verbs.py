"""The steps of chores, each a function of a transaction: rows, cursor and count change together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw
from msgspec.structs import replace

from ringback.storage.sqlite.load import Load
from ringback.storage.sqlite.owing import Mint, write_deliveries
from ringback.storage.sqlite.rows import as_json, chore_from, chore_row, endpoint_from, event_from
from ringback.storage.sqlite.statements import CHORES, DELIVERIES, ENDPOINTS
from ringback.webhooks.desk import Chore, ChoreKind
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import TERMINAL_EVENTS
from ringback.webhooks.fanout import delivery_for

_WINDOW = 1_000
"""How many rows a step looks at, at most, however few of them it is about."""

_ENDED = ("exhausted", "discarded", "cancelled")
_SLACK_MS = 60_000  # clocks are set, and jobs end a little before that is committed

Step = tuple[Chore, int, int]
"""A chore, how much of it may be done now, and when that is."""


def add_chores(
    tx: apsw.Connection, items: Sequence[tuple[Chore, int | None]]
) -> list[Chore | None]:
    """Keep new chores, with the bounds that there are now, each workspace up to its limit."""
    results: list[Chore | None] = []
    for item, running_max in items:
        if running_max is not None and _running_count(tx, item.workspace_id) >= running_max:
            results.append(None)
            continue
        of_events = item.kind is ChoreKind.RECOVER
        last = CHORES.last_event_seq if of_events else CHORES.last_delivery_seq
        ((last_seq,),) = tx.execute(last).fetchall()
        assert isinstance(last_seq, int)
        first_seq = _first_seq(tx, item, last_seq) if of_events else 0
        chore = replace(item, first_seq=first_seq, cursor=first_seq, last_seq=last_seq)
        tx.execute(CHORES.add_chore, chore_row(chore))
        results.append(chore)
    return results


def _running_count(tx: apsw.Connection, workspace_id: str) -> int:
    asked = {"workspace_id": workspace_id}
    ((count,),) = tx.execute(CHORES.running_count, asked).fetchall()
    assert isinstance(count, int)
    return count


def _first_seq(tx: apsw.Connection, chore: Chore, last_seq: int) -> int:
    """Return the place before the first event since the chore's time, by halving the log."""
    if chore.wanted.since_ms is None:
        return 0
    since_ms = chore.wanted.since_ms - _SLACK_MS
    low, high = 0, last_seq + 1
    while low < high:
        middle = (low + high) // 2
        asked = {"workspace_id": chore.workspace_id, "seq": middle}
        found: list[Any] = tx.execute(CHORES.first_event_from, asked).fetchall()
        if not found or found[0][1] >= since_ms:
            high = middle
        else:
            low = found[0][0] + 1
    return max(0, low - 1)


def step_chores(tx: apsw.Connection, items: Sequence[Step], *, mint: Mint) -> list[Chore]:
    """Do the next part of each chore; one that ended meanwhile is left as it is."""
    return [_step(tx, *item, mint) for item in items]


def _step(tx: apsw.Connection, asked: Chore, limit: int, now_ms: int, mint: Mint) -> Chore:
    row = tx.execute(CHORES.get_chore, {"chore_id": asked.chore_id}).fetchone()
    if row is None:
        return asked
    chore = chore_from(row)
    if chore.ended_at_ms is not None:
        return chore
    look = _events if chore.kind is ChoreKind.RECOVER else _deliveries
    found, cursor = look(tx, chore, limit)
    done = _DO[chore.kind](tx, chore, found, now_ms, mint) if found else 0
    chore = replace(
        chore,
        cursor=cursor,
        done_count=chore.done_count + done,
        ended_at_ms=now_ms if cursor >= chore.last_seq else None,
    )
    moved = {
        "chore_id": chore.chore_id,
        "cursor": chore.cursor,
        "done_count": chore.done_count,
        "ended_at_ms": chore.ended_at_ms,
    }
    tx.execute(CHORES.move_chore, moved)
    return chore


def _deliveries(tx: apsw.Connection, chore: Chore, limit: int) -> tuple[list[int], int]:
    """Return the next deliveries that the chore is about, and how far was looked."""
    wanted = chore.wanted
    statement = (
        CHORES.next_deliveries if wanted.endpoint_id is None else CHORES.next_deliveries_of_endpoint
    )
    bindings = {
        **{name: getattr(wanted, name) for name in wanted.__struct_fields__},
        "workspace_id": chore.workspace_id,
        "cursor": chore.cursor,
        "last_seq": chore.last_seq,
        "window": _WINDOW,
    }
    found: list[int] = []
    rows: list[Any] = tx.execute(statement, bindings).fetchall()
    for seq, is_wanted in rows:
        if is_wanted:
            found.append(seq)
        if len(found) == limit:
            return found, seq
    return found, rows[-1][0] if len(rows) == _WINDOW else chore.last_seq


def _events(tx: apsw.Connection, chore: Chore, limit: int) -> tuple[list[Any], int]:
    bindings = {
        "workspace_id": chore.workspace_id,
        "cursor": chore.cursor,
        "last_seq": chore.last_seq,
        "window": limit,
    }
    rows: list[Any] = tx.execute(CHORES.next_events, bindings).fetchall()
    return rows, rows[-1][0] if len(rows) == limit else chore.last_seq


def _redeliver(
    tx: apsw.Connection, _chore: Chore, seqs: list[int], now_ms: int, _mint: Mint
) -> int:
    """Begin another round of those that nobody holds, due at once."""
    begun: list[Any] = tx.execute(
        CHORES.begin_rounds, {"seqs": as_json(seqs), "now_ms": now_ms}
    ).fetchall()
    due = [(number, now_ms) for number in {number for (number,) in begun}]
    tx.execute(DELIVERIES.hasten_destinations, {"rows": as_json(due)})
    return len(begun)


def _discard(tx: apsw.Connection, _chore: Chore, seqs: list[int], now_ms: int, _mint: Mint) -> int:
    """End those that wait: nobody wants them any more."""
    ended: list[Any] = tx.execute(
        CHORES.discard, {"seqs": as_json(seqs), "now_ms": now_ms}
    ).fetchall()
    numbers = list({number for (number,) in ended})
    tx.execute(DELIVERIES.settle_destinations, {"destination_ids": as_json(numbers)})
    return len(ended)


def _move(tx: apsw.Connection, chore: Chore, seqs: list[int], now_ms: int, _mint: Mint) -> int:
    """Let those that wait go to their endpoint's present URL."""
    endpoint = _endpoint(tx, chore)
    if endpoint is None:
        return 0
    row = (chore.workspace_id, endpoint.destination, now_ms)
    ((number, *_),) = tx.execute(
        DELIVERIES.upsert_destinations, {"rows": as_json([row])}
    ).fetchall()
    asked = {
        "seqs": as_json(seqs),
        "url": endpoint.url,
        "destination": endpoint.destination,
        "destination_id": number,
    }
    moved: list[Any] = tx.execute(CHORES.move, asked).fetchall()
    # The upsert made it due now; what it truly is, and what the old one still has, is looked up.
    tx.execute(DELIVERIES.settle_destinations, {"destination_ids": as_json([number])})
    return len(moved)


def _recover(tx: apsw.Connection, chore: Chore, rows: list[Any], now_ms: int, mint: Mint) -> int:
    """Have the endpoint sent each event that it wants and was not brought."""
    endpoint = _endpoint(tx, chore)
    if endpoint is None:
        return 0
    fresh, again = [], []
    for row in rows:
        event = event_from(row)
        since_ms = chore.wanted.since_ms
        is_missed = since_ms is None or event.created_at_ms >= since_ms
        if event.type not in TERMINAL_EVENTS or not is_missed:
            continue
        if not endpoint.wants(event.type, event.model):
            continue
        asked = {
            "job_id": event.job_id,
            "event_seq": event.seq,
            "endpoint_id": endpoint.endpoint_id,
        }
        owed: list[Any] = tx.execute(CHORES.deliveries_to_endpoint, asked).fetchall()
        if not owed:
            delivery = delivery_for(endpoint, event, delivery_id=mint.new_id())
            due = replace(delivery, round_started_at_ms=now_ms, next_attempt_at_ms=now_ms)
            fresh.append((event.seq, due))
        again += [seq for _, seq, status in owed if status in _ENDED]
    if fresh:
        write_deliveries(tx, fresh)
        load = Load(tx, [chore.workspace_id])
        load.add(chore.workspace_id, owed=len(fresh))
        load.write()
    return len(fresh) + (_redeliver(tx, chore, again, now_ms, mint) if again else 0)


def _endpoint(tx: apsw.Connection, chore: Chore) -> Endpoint | None:
    asked = {"endpoint_id": chore.wanted.endpoint_id}
    row = tx.execute(ENDPOINTS.get_endpoint, asked).fetchone()
    return None if row is None else endpoint_from(row)


_DO: dict[ChoreKind, Callable[[apsw.Connection, Chore, list[Any], int, Mint], int]] = {
    ChoreKind.REDELIVER: _redeliver,
    ChoreKind.RECOVER: _recover,
    ChoreKind.MOVE: _move,
    ChoreKind.DISCARD: _discard,
}
