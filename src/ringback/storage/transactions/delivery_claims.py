"""Claims of due deliveries: workspaces take turns, and within each the longest-due go first."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from ringback.jobs.fairness import share_of
from ringback.storage.mapping.rows import breaker_row, delivery_from, destination_from
from ringback.storage.transactions.work import (
    Rows,
    Statement,
    TransactionScript,
    for_each,
    together,
)
from ringback.webhooks.breaker import Breaker, begin_probe, next_flight
from ringback.webhooks.claim_rooms import Candidate, ClaimDue, ClaimShares, in_turn
from ringback.webhooks.model import Delivery, Destination

_TOGETHER_MAX = 8  # destinations; each number of them is a statement that the server prepares
_LOOKS_MAX = 500  # workspaces that one claim reads: its cost is bounded, the next goes on
_AFTER_ALL = "\U0010ffff"  # sorts after every workspace


class Claimed(NamedTuple):
    """Deliveries that were claimed, and the workspace behind which the next claim begins."""

    deliveries: list[Delivery]
    after: str


class _Found(NamedTuple):
    """Due destinations, the number of their workspaces, and the workspace to go on behind."""

    destinations: list[Destination]
    workspaces_count: int
    after: str


@for_each
def claim_due(item: ClaimDue) -> TransactionScript[Claimed]:
    """Claim due deliveries: of each workspace its share, of each destination as many as fit."""
    found = yield from _due_destinations(item)
    shares = ClaimShares(item, workspaces_count=found.workspaces_count)
    waiting = deque(in_turn(found.destinations, item.room_of))
    destination_ids: list[int] = []
    taken: list[Any] = []
    breakers = []
    while candidates := shares.next_candidates(waiting, most=_TOGETHER_MAX):
        for destination, due in (yield from _read_due(candidates, now_ms=item.now_ms)):
            keys = shares.take(destination, due)
            taken += keys
            destination_ids.append(destination.destination_id)
            if keys and not destination.breaker.is_closed:
                probing = _probing(destination.breaker, item, count=len(keys))
                breakers.append(breaker_row(destination.destination_id, probing))
    if taken:
        claim = {"keys": taken, "lease_until_ms": item.lease_until_ms}
        yield "deliveries.claim_deliveries", claim
    if not destination_ids:
        return Claimed([], found.after)
    _, *claimed = yield from together(
        ("deliveries.settle_destinations", {"destination_ids": destination_ids}),
        ("deliveries.deliveries_in", {"keys": taken}) if taken else None,
    )
    if breakers:
        yield "deliveries.write_breakers", {"rows": breakers}
    rows = sorted((row for rows in claimed for row in rows), key=lambda row: row[:2])
    return Claimed([delivery_from(row[2:]) for row in rows], found.after)


def _probing(breaker: Breaker, item: ClaimDue, *, count: int) -> Breaker:
    allowed = next_flight(breaker, now_ms=item.now_ms)
    return begin_probe(breaker, count=count, lease_until_ms=item.lease_until_ms, allowed=allowed)


def _due_destinations(item: ClaimDue) -> TransactionScript[_Found]:
    """Return due destinations, so that the many of one workspace do not hide another's."""
    if item.listener is not None:
        workspace_id, origin = item.listener
        bindings = {"workspace_id": workspace_id, "origin": origin, "now_ms": item.now_ms}
        return _found((yield "deliveries.due_listener", bindings), item)
    rooms = item.workspaces
    if all(room.in_all > 0 for room in (rooms.others, *rooms.of.values())):
        limit = item.limit + len(item.rooms)
        rows = yield "deliveries.due_destinations", {"now_ms": item.now_ms, "limit": limit}
        if not rows:
            rows = yield "deliveries.wait_for_due_destination", {"now_ms": item.now_ms}
        if len(rows) < limit:
            return _found(rows, item)
    # There are more, or some have no room: any number of workspaces may come behind them.
    return (yield from _due_of_workspaces(item))


def _found(rows: Rows, item: ClaimDue) -> _Found:
    destinations = [destination_from(row) for row in rows]
    workspaces = {destination.workspace_id for destination in destinations}
    workspaces_count = sum(item.room_of(workspace_id) > 0 for workspace_id in workspaces)
    return _Found(destinations, workspaces_count, item.after)


def _due_of_workspaces(item: ClaimDue) -> TransactionScript[_Found]:
    workspaces, after = yield from _due_workspaces(item)
    if not workspaces:
        return _Found([], 0, after)
    share = share_of(item.limit, lanes_count=len(workspaces))
    with_room = [
        number
        for number, room in item.rooms.items()
        if room > 0 or item.interim_rooms.get(number, 0) > 0
    ]
    found = yield from together(
        (
            "deliveries.due_of_workspaces",
            {
                "workspace_ids": workspaces,
                "but": list(item.rooms),
                "now_ms": item.now_ms,
                "share": share,
            },
        ),
        ("deliveries.due_among", {"destination_ids": with_room, "now_ms": item.now_ms}),
    )
    destinations = [destination_from(row) for rows in found for row in rows]
    of_these = set(workspaces)
    return _Found(
        [destination for destination in destinations if destination.workspace_id in of_these],
        len(workspaces),
        after,
    )


def _due_workspaces(item: ClaimDue) -> TransactionScript[tuple[list[str], str]]:
    """Return workspaces with room and due deliveries, at most as many as the claim may take.

    They are found by seeking from each to the next, from where the last claim stopped.
    """
    rooms = item.workspaces
    if rooms.others.in_all <= 0:  # only workspaces that hold something already have room
        return [one for one, room in rooms.of.items() if room.in_all > 0], item.after
    found: list[str] = []
    after = item.after
    bindings = {
        "now_ms": item.now_ms,
        "looks": _LOOKS_MAX,
        "without_room": [one for one, room in rooms.of.items() if room.in_all <= 0],
    }
    for begin, until in ((item.after, _AFTER_ALL), ("", item.after)):
        limit = item.limit - len(found)
        if limit <= 0 or begin == until:
            break
        bindings |= {"after": begin, "until": until, "limit": limit}
        rows = yield "deliveries.due_workspaces", bindings
        for workspace_id, is_due, _ in rows:
            after = workspace_id
            if is_due:
                found.append(workspace_id)
        if rows and rows[-1][2] == _LOOKS_MAX:
            break
    return found, after


def _read_due(
    candidates: Sequence[Candidate], *, now_ms: int
) -> TransactionScript[list[tuple[Destination, list[Any]]]]:
    """Return the due deliveries of destinations: interim events last, within their own room."""
    statements: list[Statement] = []
    for one in candidates:
        bindings = {"destination_id": one.destination.destination_id, "now_ms": now_ms}
        statements.append(("deliveries.due_of", {**bindings, "limit": one.first}))
        statements.append(("deliveries.interim_due_of", {**bindings, "limit": one.interim}))
    found = yield from together(*statements)
    return [
        (one.destination, [key for _, key in (*found[2 * at], *found[2 * at + 1])][: one.most])
        for at, one in enumerate(candidates)
    ]
