"""The steps of chores, each a function of a transaction: rows, cursor and count change together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ringback.storage.sql.load import load_of
from ringback.storage.sql.owing import Mint, write_deliveries
from ringback.storage.sql.rows import chore_from, chore_row, endpoint_from, event_from
from ringback.storage.sql.work import Work, first
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


def add_chores(items: Sequence[tuple[Chore, int | None]]) -> Work[list[Chore | None]]:
    """Keep new chores, with the bounds that there are now, each workspace up to its limit."""
    results: list[Chore | None] = []
    for item, running_max in items:
        yield from load_of([item.workspace_id])  # nobody adds another, or a delivery, meanwhile
        running = yield from _running_count(item.workspace_id)
        if running_max is not None and running >= running_max:
            results.append(None)
            continue
        of_events = item.kind is ChoreKind.RECOVER
        last = "chores.last_event_seq" if of_events else "chores.last_delivery_seq"
        ((last_seq,),) = yield last, {}
        assert isinstance(last_seq, int)
        first_seq = (yield from _first_seq(item, last_seq)) if of_events else 0
        chore = replace(item, first_seq=first_seq, cursor=first_seq, last_seq=last_seq)
        yield "chores.add_chore", chore_row(chore)
        results.append(chore)
    return results


def _running_count(workspace_id: str) -> Work[int]:
    asked = {"workspace_id": workspace_id}
    ((count,),) = yield "chores.running_count", asked
    assert isinstance(count, int)
    return count


def _first_seq(chore: Chore, last_seq: int) -> Work[int]:
    """Return the place before the first event since the chore's time, by halving the log."""
    if chore.wanted.since_ms is None:
        return 0
    since_ms = chore.wanted.since_ms - _SLACK_MS
    low, high = 0, last_seq + 1
    while low < high:
        middle = (low + high) // 2
        asked = {"workspace_id": chore.workspace_id, "seq": middle}
        found: list[Any] = yield "chores.first_event_from", asked
        if not found or found[0][1] >= since_ms:
            high = middle
        else:
            low = found[0][0] + 1
    return max(0, low - 1)


def step_chores(items: Sequence[Step], *, mint: Mint) -> Work[list[Chore]]:
    """Do the next part of each chore; one that ended meanwhile is left as it is."""
    results = []
    for item in items:
        results.append((yield from _step(*item, mint)))
    return results


def _step(asked: Chore, limit: int, now_ms: int, mint: Mint) -> Work[Chore]:
    row = first((yield "chores.hold_chore", {"chore_id": asked.chore_id}))
    if row is None:
        return asked
    chore = chore_from(row)
    if chore.ended_at_ms is not None:
        return chore
    look = _events if chore.kind is ChoreKind.RECOVER else _deliveries
    found, cursor = yield from look(chore, limit)
    done = (yield from _DO[chore.kind](chore, found, now_ms, mint)) if found else 0
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
    yield "chores.move_chore", moved
    return chore


def _deliveries(chore: Chore, limit: int) -> Work[tuple[list[int], int]]:
    """Return the next deliveries that the chore is about, and how far was looked."""
    wanted = chore.wanted
    statement = (
        "chores.next_deliveries"
        if wanted.endpoint_id is None
        else "chores.next_deliveries_of_endpoint"
    )
    bindings = {
        **{name: getattr(wanted, name) for name in wanted.__struct_fields__},
        "workspace_id": chore.workspace_id,
        "cursor": chore.cursor,
        "last_seq": chore.last_seq,
        "window": _WINDOW,
    }
    found: list[int] = []
    rows: list[Any] = yield statement, bindings
    for seq, is_wanted in rows:
        if is_wanted:
            found.append(seq)
        if len(found) == limit:
            return found, seq
    return found, rows[-1][0] if len(rows) == _WINDOW else chore.last_seq


def _events(chore: Chore, limit: int) -> Work[tuple[list[Any], int]]:
    bindings = {
        "workspace_id": chore.workspace_id,
        "cursor": chore.cursor,
        "last_seq": chore.last_seq,
        "window": limit,
    }
    rows: list[Any] = yield "chores.next_events", bindings
    return rows, rows[-1][0] if len(rows) == limit else chore.last_seq


def _redeliver(_chore: Chore, seqs: list[int], now_ms: int, _mint: Mint) -> Work[int]:
    """Begin another round of those that nobody holds, due at once."""
    begun: list[Any] = yield "chores.begin_rounds", {"seqs": seqs, "now_ms": now_ms}
    due = [(number, now_ms) for number in {number for (number,) in begun}]
    yield "deliveries.hasten_destinations", {"rows": due}
    return len(begun)


def _discard(_chore: Chore, seqs: list[int], now_ms: int, _mint: Mint) -> Work[int]:
    """End those that wait: nobody wants them any more."""
    ended: list[Any] = yield "chores.discard", {"seqs": seqs, "now_ms": now_ms}
    numbers = list({number for (number,) in ended})
    yield "deliveries.settle_destinations", {"destination_ids": numbers}
    return len(ended)


def _move(chore: Chore, seqs: list[int], now_ms: int, _mint: Mint) -> Work[int]:
    """Let those that wait go to their endpoint's present URL."""
    endpoint = yield from _endpoint(chore)
    if endpoint is None:
        return 0
    row = (chore.workspace_id, endpoint.destination, now_ms)
    ((number, *_),) = yield "deliveries.upsert_destinations", {"rows": [row]}
    asked = {
        "seqs": seqs,
        "url": endpoint.url,
        "destination": endpoint.destination,
        "destination_id": number,
    }
    moved: list[Any] = yield "chores.move", asked
    # The upsert made it due now; what it truly is, and what the old one still has, is looked up.
    yield "deliveries.settle_destinations", {"destination_ids": [number]}
    return len(moved)


def _recover(chore: Chore, rows: list[Any], now_ms: int, mint: Mint) -> Work[int]:
    """Have the endpoint sent each event that it wants and was not brought."""
    endpoint = yield from _endpoint(chore)
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
        owed: list[Any] = yield "chores.deliveries_to_endpoint", asked
        if not owed:
            delivery = delivery_for(endpoint, event, delivery_id=mint.new_id())
            due = replace(delivery, round_started_at_ms=now_ms, next_attempt_at_ms=now_ms)
            fresh.append((event.seq, event.event_id, due))
        again += [seq for _, seq, status in owed if status in _ENDED]
    if fresh:
        load = yield from load_of([chore.workspace_id])
        yield from write_deliveries(fresh)
        load.add(chore.workspace_id, owed=len(fresh))
        yield from load.write()
    return len(fresh) + ((yield from _redeliver(chore, again, now_ms, mint)) if again else 0)


def _endpoint(chore: Chore) -> Work[Endpoint | None]:
    asked = {"endpoint_id": chore.wanted.endpoint_id}
    row = first((yield "endpoints.get_endpoint", asked))
    return None if row is None else endpoint_from(row)


_DO: dict[ChoreKind, Callable[[Chore, list[Any], int, Mint], Work[int]]] = {
    ChoreKind.REDELIVER: _redeliver,
    ChoreKind.RECOVER: _recover,
    ChoreKind.MOVE: _move,
    ChoreKind.DISCARD: _discard,
}
