"""The writes of deliveries, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apsw
from msgspec import Struct

from ringback.jobs.model import Job
from ringback.storage.sqlite.health import destinations_after, endpoints_after, write_notices
from ringback.storage.sqlite.load import Load
from ringback.storage.sqlite.owing import Mint, listening, write_owed
from ringback.storage.sqlite.rows import (
    as_json,
    attempt_row,
    breaker_row,
    delivery_from,
    destination_from,
    job_from,
)
from ringback.storage.sqlite.statements import DELIVERIES, JOBS
from ringback.storage.sqlite.written import once, written
from ringback.webhooks.breaker import after_return, next_flight, take_off
from ringback.webhooks.events import Event, EventType
from ringback.webhooks.fanout import owed_for
from ringback.webhooks.lines import half_of
from ringback.webhooks.model import Delivery, Destination
from ringback.webhooks.outbox import Recorded, Recording


class ClaimDue(Struct, frozen=True, kw_only=True):
    """One dispatcher's wish for deliveries, or that of a listener's program."""

    now_ms: int
    limit: int
    limit_each: int
    lease_until_ms: int
    rooms: Mapping[int, int]
    passing_rooms: Mapping[int, int]
    listener: tuple[str, str] | None = None  # its workspace and destination


def tell(tx: apsw.Connection, items: Sequence[tuple[Job, Event]], *, mint: Mint) -> list[bool]:
    """Write passing events of jobs that are still as their tellers know them."""
    load = Load(tx, {event.workspace_id for _, event in items})
    owed: dict[tuple[str, EventType], tuple[Event, list[Delivery]]] = {}
    results = []
    for job, event in items:
        row = tx.execute(JOBS.get_job, {"job_id": job.job_id}).fetchone()
        now = None if row is None else job_from(row)
        told = now is not None and now.epoch == job.epoch and not now.status.is_terminal
        results.append(told)
        if told:
            endpoints = listening(tx, event.workspace_id, load)
            deliveries = owed_for(event, job=job, endpoints=endpoints, new_id=mint.new_id)
            # Of two that share a commit the later one is news.
            owed[job.job_id, event.type] = event, _news(tx, event, deliveries)
    write_owed(tx, [one for one in owed.values() if one[1]], load)
    load.write()
    return results


def _news(tx: apsw.Connection, event: Event, deliveries: list[Delivery]) -> list[Delivery]:
    """Let progress take the place of what still waits; nobody is sent two at once."""
    if event.type is not EventType.JOB_PROGRESS:
        return deliveries
    asked = {"job_id": event.job_id, "now_ms": event.created_at_ms}
    tx.execute(DELIVERIES.cancel_old_progress, asked)
    under_way = set(tx.execute(DELIVERIES.progress_under_way, {"job_id": event.job_id}))
    return [one for one in deliveries if (one.url, one.endpoint_id) not in under_way]


def claim_due(tx: apsw.Connection, items: Sequence[ClaimDue]) -> list[list[Delivery]]:
    """Hand due deliveries to dispatchers, longest-due destinations first."""
    return [_claim(tx, item) for item in items]


def _claim(tx: apsw.Connection, item: ClaimDue) -> list[Delivery]:
    looked_at: list[int] = []
    taken: list[int] = []
    breakers = []
    for destination in _due_destinations(tx, item):
        most = min(_most(destination, item), item.limit - len(taken))
        if most <= 0:
            continue
        due = _due_of(tx, destination.destination_id, item, most)
        taken += due
        looked_at.append(destination.destination_id)
        breaker = destination.breaker
        if due and not breaker.is_closed:
            away = take_off(
                breaker,
                count=len(due),
                lease_until_ms=item.lease_until_ms,
                allowed=next_flight(breaker, now_ms=item.now_ms),
            )
            breakers.append(breaker_row(destination.destination_id, away))
        if len(taken) >= item.limit:
            break
    seqs = as_json(taken)
    if taken:
        claim = {"seqs": seqs, "lease_until_ms": item.lease_until_ms}
        tx.execute(DELIVERIES.claim_deliveries, claim)
    if looked_at:
        tx.execute(DELIVERIES.settle_destinations, {"destination_ids": as_json(looked_at)})
    if breakers:
        tx.execute(DELIVERIES.write_breakers, {"rows": as_json(breakers)})
    if not taken:
        return []
    rows = tx.execute(DELIVERIES.deliveries_in, {"seqs": seqs}).fetchall()
    rows.sort(key=lambda row: row[:2])
    return [delivery_from(row[2:]) for row in rows]


def _due_destinations(tx: apsw.Connection, item: ClaimDue) -> list[Destination]:
    asked: dict[str, int | str] = {"now_ms": item.now_ms}
    if item.listener is None:
        asked["limit"] = item.limit + len(item.rooms)
        rows = tx.execute(DELIVERIES.due_destinations, asked).fetchall()
    else:
        asked["workspace_id"], asked["origin"] = item.listener
        rows = tx.execute(DELIVERIES.due_listener, asked).fetchall()
    return [destination_from(row) for row in rows]


def _most(destination: Destination, item: ClaimDue) -> int:
    if destination.breaker.is_closed:
        return 2 * item.limit_each
    return next_flight(destination.breaker, now_ms=item.now_ms)


def _due_of(tx: apsw.Connection, destination_id: int, item: ClaimDue, most: int) -> list[int]:
    """Return what a destination gives: passing events last, and within a room of their own."""
    found: list[int] = []
    half = half_of(item.limit_each)
    for statement, room in (
        (DELIVERIES.due_of, item.rooms.get(destination_id, item.limit_each)),
        (DELIVERIES.passing_due_of, item.passing_rooms.get(destination_id, half)),
    ):
        limit = min(room, most - len(found))
        if limit > 0:
            asked = {"destination_id": destination_id, "now_ms": item.now_ms, "limit": limit}
            rows: list[Any] = tx.execute(statement, asked).fetchall()
            found += [seq for _, seq in rows]
    return found


def record_attempts(
    tx: apsw.Connection, items: Sequence[Recording], *, mint: Mint
) -> list[Recorded]:
    """Write attempts, where their deliveries stand after them, and all that follows."""
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
    done = written(tx, DELIVERIES.record_deliveries, rows, epochs_raised=1)
    won = once(done, [(item.delivery.delivery_id, item.delivery.epoch) for item in items])
    recorded = [item for item, mine in zip(items, won, strict=True) if mine]
    if not recorded:
        return [Recorded(written=False)] * len(items)
    made = [attempt_row(item.delivery, item.attempt) for item in recorded]
    tx.execute(DELIVERIES.insert_attempts, {"rows": as_json(made)})
    _hasten(tx, recorded)
    after, notices = destinations_after(tx, recorded)
    notices += endpoints_after(tx, recorded, mint)
    write_notices(tx, recorded, notices, mint)
    return [
        Recorded(written=mine, paused=mine and _is_paused(after[item.delivery.destination_id]))
        for item, mine in zip(items, won, strict=True)
    ]


def _is_paused(destination: Destination) -> bool:
    return not destination.breaker.is_closed and destination.breaker.flying == 0


def _hasten(tx: apsw.Connection, recorded: Sequence[Recording]) -> None:
    due: dict[int, int] = {}
    for item in recorded:
        at_ms = item.delivery.next_attempt_at_ms
        if at_ms is not None:
            number = item.delivery.destination_id
            due[number] = min(at_ms, due.get(number, at_ms))
    if due:
        tx.execute(DELIVERIES.hasten_destinations, {"rows": as_json(list(due.items()))})


def release_deliveries(
    tx: apsw.Connection, items: Sequence[tuple[Sequence[Delivery], int]]
) -> list[None]:
    """Give claimed deliveries back, unattempted."""
    for deliveries, now_ms in items:
        rows = [(delivery.delivery_id, delivery.epoch) for delivery in deliveries]
        freed: list[Any] = tx.execute(
            DELIVERIES.release_deliveries, {"rows": as_json(rows)}
        ).fetchall()
        _settle(tx, [number for (number,) in freed], now_ms)
    return [None] * len(items)


def rescue_deliveries(tx: apsw.Connection, items: Sequence[tuple[int, int]]) -> list[int]:
    """Give back deliveries whose lease is over."""
    results = []
    for leases_until_ms, now_ms in items:
        asked = {"leases_until_ms": leases_until_ms}
        freed: list[Any] = tx.execute(DELIVERIES.rescue_deliveries, asked).fetchall()
        _settle(tx, [number for (number,) in freed], now_ms)
        results.append(len(freed))
    return results


def _settle(tx: apsw.Connection, freed: Sequence[int], now_ms: int) -> None:
    """Make the destinations of deliveries that came back due again, and let their flights land."""
    if not freed:
        return
    numbers = as_json(sorted(set(freed)))
    tx.execute(DELIVERIES.settle_destinations, {"destination_ids": numbers})
    landed = []
    for row in tx.execute(DELIVERIES.destinations_in, {"destination_ids": numbers}).fetchall():
        destination = destination_from(row)
        breaker = destination.breaker
        for _ in range(freed.count(destination.destination_id)):
            breaker = after_return(breaker, now_ms=now_ms)
        if breaker != destination.breaker:
            landed.append(breaker_row(destination.destination_id, breaker))
    if landed:
        tx.execute(DELIVERIES.write_breakers, {"rows": as_json(landed)})


def begin_rounds(tx: apsw.Connection, items: Sequence[tuple[Delivery, int]]) -> list[bool]:
    """Begin another round of deliveries that nobody holds, due at once."""
    results = []
    for delivery, now_ms in items:
        asked = {
            "delivery_id": delivery.delivery_id,
            "epoch": delivery.epoch,
            "now_ms": now_ms,
        }
        freed = tx.execute(DELIVERIES.begin_round, asked).fetchall()
        results.append(bool(freed))
        if freed:
            due = as_json([(delivery.destination_id, now_ms)])
            tx.execute(DELIVERIES.hasten_destinations, {"rows": due})
    return results
