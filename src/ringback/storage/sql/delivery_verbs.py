"""The writes of deliveries, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ringback.jobs.model import Job
from ringback.storage.sql.health import destinations_after, endpoints_after, write_notices
from ringback.storage.sql.load import load_of
from ringback.storage.sql.owing import Mint, listening, write_owed
from ringback.storage.sql.rows import (
    attempt_row,
    breaker_row,
    delivery_from,
    destination_from,
    job_from,
)
from ringback.storage.sql.work import Ask, Work, first, together
from ringback.storage.sql.written import once, written_beside
from ringback.webhooks.breaker import after_return, next_flight, take_off
from ringback.webhooks.events import Event, EventType
from ringback.webhooks.fanout import owed_for
from ringback.webhooks.lines import half_of
from ringback.webhooks.model import Delivery, Destination
from ringback.webhooks.outbox import Recorded, Recording

_TOGETHER_MAX = 8  # destinations; each number of them is a statement that the server prepares

Asked = tuple[Destination, int]
"""A destination, and how many deliveries it may give at most."""


class ClaimDue(Struct, frozen=True, kw_only=True):
    """One dispatcher's wish for deliveries, or that of a listener's program."""

    now_ms: int
    limit: int
    limit_each: int
    lease_until_ms: int
    rooms: Mapping[int, int]
    passing_rooms: Mapping[int, int]
    listener: tuple[str, str] | None = None  # its workspace and destination


def tell(items: Sequence[tuple[Job, Event]], *, mint: Mint) -> Work[list[bool]]:
    """Write passing events of jobs that are still as their tellers know them."""
    load = yield from load_of({event.workspace_id for _, event in items})
    owed: dict[tuple[str, EventType], tuple[Event, list[Delivery]]] = {}
    results = []
    for job, event in items:
        row = first((yield "jobs.get_job", {"job_id": job.job_id}))
        now = None if row is None else job_from(row)
        told = now is not None and now.epoch == job.epoch and not now.status.is_terminal
        results.append(told)
        if told:
            endpoints = yield from listening(event.workspace_id, load)
            deliveries = owed_for(event, job=job, endpoints=endpoints, new_id=mint.new_id)
            # Of two that share a commit the later one is news.
            owed[job.job_id, event.type] = event, (yield from _news(event, deliveries))
    yield from write_owed([one for one in owed.values() if one[1]], load)
    return results


def _news(event: Event, deliveries: list[Delivery]) -> Work[list[Delivery]]:
    """Let progress take the place of what still waits; nobody is sent two at once."""
    if event.type is not EventType.JOB_PROGRESS:
        return deliveries
    asked = {"job_id": event.job_id, "now_ms": event.created_at_ms}
    yield "deliveries.cancel_old_progress", asked
    under_way = set((yield "deliveries.progress_under_way", {"job_id": event.job_id}))
    return [one for one in deliveries if (one.url, one.endpoint_id) not in under_way]


def claim_due(items: Sequence[ClaimDue]) -> Work[list[list[Delivery]]]:
    """Hand due deliveries to dispatchers, longest-due destinations first."""
    results = []
    for item in items:
        results.append((yield from _claim(item)))
    return results


def _claim(item: ClaimDue) -> Work[list[Delivery]]:
    looked_at: list[int] = []
    taken: list[Any] = []
    breakers = []
    ahead = [(one, _most(one, item)) for one in (yield from _due_destinations(item))]
    ahead = [(one, most) for one, most in ahead if most > 0]
    while ahead and len(taken) < item.limit:
        some = _next_looked_at(ahead, left=item.limit - len(taken))
        del ahead[: len(some)]
        for destination, due in (yield from _due_of(some, item)):
            due = due[: item.limit - len(taken)]
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
    if taken:
        claim = {"keys": taken, "lease_until_ms": item.lease_until_ms}
        yield "deliveries.claim_deliveries", claim
    if not looked_at:
        return []
    _, *found = yield from together(
        ("deliveries.settle_destinations", {"destination_ids": looked_at}),
        ("deliveries.deliveries_in", {"keys": taken}) if taken else None,
    )
    if breakers:
        yield "deliveries.write_breakers", {"rows": breakers}
    rows = sorted((row for rows in found for row in rows), key=lambda row: row[:2])
    return [delivery_from(row[2:]) for row in rows]


def _due_destinations(item: ClaimDue) -> Work[list[Destination]]:
    if item.listener is not None:
        workspace_id, origin = item.listener
        asked = {"workspace_id": workspace_id, "origin": origin, "now_ms": item.now_ms}
        rows = yield "deliveries.due_listener", asked
    else:
        wanted = {"now_ms": item.now_ms, "limit": item.limit + len(item.rooms)}
        rows = yield "deliveries.due_destinations", wanted
        if not rows:
            rows = yield "deliveries.wait_for_due_destination", {"now_ms": item.now_ms}
    return [destination_from(row) for row in rows]


def _most(destination: Destination, item: ClaimDue) -> int:
    if destination.breaker.is_closed:
        return 2 * item.limit_each
    return next_flight(destination.breaker, now_ms=item.now_ms)


def _next_looked_at(ahead: Sequence[Asked], *, left: int) -> list[Asked]:
    """Return the next destinations to look at together: few enough that most have room."""
    some = [ahead[0]]
    for one in ahead[1:_TOGETHER_MAX]:
        left -= some[-1][1]
        if left <= 0:
            break
        some.append(one)
    return some


def _due_of(some: Sequence[Asked], item: ClaimDue) -> Work[list[tuple[Destination, list[Any]]]]:
    """Return what destinations give: passing events last, and within a room of their own."""
    half = half_of(item.limit_each)
    asks: list[Ask] = []
    for destination, most in some:
        number = destination.destination_id
        for statement, room in (
            ("deliveries.due_of", item.rooms.get(number, item.limit_each)),
            ("deliveries.passing_due_of", item.passing_rooms.get(number, half)),
        ):
            limit = max(0, min(room, most))
            asked = {"destination_id": number, "now_ms": item.now_ms, "limit": limit}
            asks.append((statement, asked))
    found = yield from together(*asks)
    return [
        (destination, [key for _, key in (*found[2 * at], *found[2 * at + 1])][:most])
        for at, (destination, most) in enumerate(some)
    ]


def record_attempts(items: Sequence[Recording], *, mint: Mint) -> Work[list[Recorded]]:
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
    numbers = sorted({item.delivery.destination_id for item in items})
    done, destinations = yield from written_beside(
        "deliveries.record_deliveries",
        rows,
        beside=("deliveries.destinations_in", {"destination_ids": numbers}),
        epochs_raised=1,
    )
    won = once(done, [(item.delivery.delivery_id, item.delivery.epoch) for item in items])
    recorded = [item for item, mine in zip(items, won, strict=True) if mine]
    if not recorded:
        return [Recorded(written=False)] * len(items)
    made = [attempt_row(item.delivery, item.attempt) for item in recorded]
    yield from together(("deliveries.insert_attempts", {"rows": made}), _hastening(recorded))
    after, notices = yield from destinations_after(recorded, destinations)
    notices += yield from endpoints_after(recorded, mint)
    yield from write_notices(recorded, notices, mint)
    return [
        Recorded(written=mine, paused=mine and _is_paused(after[item.delivery.destination_id]))
        for item, mine in zip(items, won, strict=True)
    ]


def _is_paused(destination: Destination) -> bool:
    return not destination.breaker.is_closed and destination.breaker.flying == 0


def _hastening(recorded: Sequence[Recording]) -> Ask | None:
    due: dict[int, int] = {}
    for item in recorded:
        at_ms = item.delivery.next_attempt_at_ms
        if at_ms is not None:
            number = item.delivery.destination_id
            due[number] = min(at_ms, due.get(number, at_ms))
    rows = list(due.items())
    return ("deliveries.hasten_destinations", {"rows": rows}) if rows else None


def release_deliveries(items: Sequence[tuple[Sequence[Delivery], int]]) -> Work[list[None]]:
    """Give claimed deliveries back, unattempted."""
    for deliveries, now_ms in items:
        rows = [(delivery.delivery_id, delivery.epoch) for delivery in deliveries]
        freed: list[Any] = yield "deliveries.release_deliveries", {"rows": rows}
        yield from _settle([number for (number,) in freed], now_ms)
    return [None] * len(items)


def rescue_deliveries(items: Sequence[tuple[int, int]]) -> Work[list[int]]:
    """Give back deliveries whose lease is over."""
    results = []
    for leases_until_ms, now_ms in items:
        asked = {"leases_until_ms": leases_until_ms, "now_ms": now_ms}
        freed: list[Any] = yield "deliveries.rescue_deliveries", asked
        yield from _settle([number for (number,) in freed], now_ms)
        results.append(len(freed))
    return results


def _settle(freed: Sequence[int], now_ms: int) -> Work[None]:
    """Make the destinations of deliveries that came back due again, and let their flights land."""
    if not freed:
        return
    numbers = sorted(set(freed))
    yield "deliveries.settle_destinations", {"destination_ids": numbers}
    landed = []
    for row in (yield "deliveries.destinations_in", {"destination_ids": numbers}):
        destination = destination_from(row)
        breaker = destination.breaker
        for _ in range(freed.count(destination.destination_id)):
            breaker = after_return(breaker, now_ms=now_ms)
        if breaker != destination.breaker:
            landed.append(breaker_row(destination.destination_id, breaker))
    if landed:
        yield "deliveries.write_breakers", {"rows": landed}


def begin_rounds(items: Sequence[tuple[Delivery, int]]) -> Work[list[bool]]:
    """Begin another round of deliveries that nobody holds, due at once."""
    results = []
    for delivery, now_ms in items:
        asked = {
            "delivery_id": delivery.delivery_id,
            "epoch": delivery.epoch,
            "now_ms": now_ms,
        }
        freed = yield "deliveries.begin_round", asked
        results.append(bool(freed))
        if freed:
            due = [(delivery.destination_id, now_ms)]
            yield "deliveries.hasten_destinations", {"rows": due}
    return results
