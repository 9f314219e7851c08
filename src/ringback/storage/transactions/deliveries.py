"""The transactions of interim events, and of deliveries that are given back or sent again."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.jobs.model import Job
from ringback.storage.mapping.rows import breaker_row, destination_from, job_from
from ringback.storage.transactions.outbox_writes import (
    IdFactory,
    read_listening_endpoints,
    write_outbox,
)
from ringback.storage.transactions.work import TransactionScript, first, for_each
from ringback.storage.transactions.workspace_counters import lock_counters
from ringback.webhooks.breaker import after_probe
from ringback.webhooks.events import Event, EventType
from ringback.webhooks.fanout import owed_for
from ringback.webhooks.model import Delivery


def add_interim_events(
    items: Sequence[tuple[Job, Event]], *, id_factory: IdFactory
) -> TransactionScript[list[bool]]:
    """Write interim events of jobs that have neither ended nor changed hands."""
    counters = yield from lock_counters({event.workspace_id for _, event in items})
    owed: dict[tuple[str, EventType], tuple[Event, list[Delivery]]] = {}
    results = []
    for job, event in items:
        row = first((yield "jobs.get_job", {"job_id": job.job_id}))
        now = None if row is None else job_from(row)
        is_current = now is not None and now.epoch == job.epoch and not now.status.is_terminal
        results.append(is_current)
        if is_current:
            endpoints = yield from read_listening_endpoints(event.workspace_id, counters)
            deliveries = owed_for(event, job=job, endpoints=endpoints, new_id=id_factory.new_id)
            # Of two in one commit the later one replaces the earlier.
            latest = yield from _replace_progress(event, deliveries)
            owed[job.job_id, event.type] = event, latest
    yield from write_outbox([one for one in owed.values() if one[1]], counters)
    return results


def _replace_progress(
    event: Event, deliveries: list[Delivery]
) -> TransactionScript[list[Delivery]]:
    """Cancel waiting progress in favour of this one; URLs that are sent progress now get none."""
    if event.type is not EventType.JOB_PROGRESS:
        return deliveries
    bindings = {"job_id": event.job_id, "now_ms": event.created_at_ms}
    yield "deliveries.cancel_old_progress", bindings
    under_way = set((yield "deliveries.progress_under_way", {"job_id": event.job_id}))
    return [one for one in deliveries if (one.url, one.endpoint_id) not in under_way]


@for_each
def release_deliveries(deliveries: Sequence[Delivery], now_ms: int) -> TransactionScript[None]:
    """Give claimed deliveries back, unattempted."""
    rows = [(delivery.delivery_id, delivery.epoch) for delivery in deliveries]
    freed = yield "deliveries.release_deliveries", {"rows": rows}
    yield from _settle([number for (number,) in freed], now_ms)


@for_each
def rescue_deliveries(leases_until_ms: int, now_ms: int) -> TransactionScript[int]:
    """Give back deliveries whose lease has ended; return how many."""
    bindings = {"leases_until_ms": leases_until_ms, "now_ms": now_ms}
    freed = yield "deliveries.rescue_deliveries", bindings
    yield from _settle([number for (number,) in freed], now_ms)
    return len(freed)


def _settle(freed: Sequence[int], now_ms: int) -> TransactionScript[None]:
    """Make the destinations of returned deliveries due again, and end their probes."""
    if not freed:
        return
    numbers = sorted(set(freed))
    yield "deliveries.settle_destinations", {"destination_ids": numbers}
    changed = []
    for row in (yield "deliveries.destinations_in", {"destination_ids": numbers}):
        destination = destination_from(row)
        breaker = destination.breaker
        for _ in range(freed.count(destination.destination_id)):
            breaker = after_probe(breaker, now_ms=now_ms)
        if breaker != destination.breaker:
            changed.append(breaker_row(destination.destination_id, breaker))
    if changed:
        yield "deliveries.write_breakers", {"rows": changed}


@for_each
def begin_round(delivery: Delivery, now_ms: int) -> TransactionScript[bool]:
    """Begin another round of a delivery that is not held, due at once."""
    key = {"delivery_id": delivery.delivery_id, "epoch": delivery.epoch}
    rows = yield "deliveries.begin_round", {**key, "now_ms": now_ms}
    if rows:
        due = [(delivery.destination_id, now_ms)]
        yield "deliveries.hasten_destinations", {"rows": due}
    return bool(rows)
