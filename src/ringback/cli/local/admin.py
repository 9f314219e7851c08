"""The store operations of ``ringback admin``; they work beside running servers."""

from __future__ import annotations

from functools import partial
from typing import Any

from ringback.cli.local.tokens import on_store
from ringback.clock import SystemClock
from ringback.server.app import App
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.wire.document import iso_time

_AT_ONCE = 500
_POLL_S = 0.25


_unbounded = partial(on_store, bounded=False)  # large databases take longer


@_unbounded
async def stats_of(store: Store, _settings: Settings) -> dict[str, Any]:
    """Return the counts of jobs and deliveries, the queues, and the workers with their leases."""
    counts = await store.counts()
    due = await store.due_stats(now_ms=store.clock.now_ms())
    return {
        "jobs": counts.jobs,
        "deliveries": counts.deliveries,
        "queued": [
            {
                "engine": one.engine,
                "model": one.model,
                "count": one.count,
                "oldest_at": iso_time(one.oldest_at_ms),
            }
            for one in await store.queued()
        ],
        "due": {
            "count": due.due_count,
            "oldest_at": None if due.oldest_at_ms is None else iso_time(due.oldest_at_ms),
            "held": due.held_count,
        },
        "workers": [
            {
                "worker": one.worker_id,
                "jobs": one.jobs_count,
                "lease_until": iso_time(one.lease_until_ms),
            }
            for one in await store.holders()
        ],
        "drained": sorted(await store.drained_roles()),
    }


@_unbounded
async def drain_role(store: Store, _settings: Settings, role: str, *, wait_s: float) -> int:
    """Drain a role; return how much is still held, at the latest after ``wait_s``."""
    clock = SystemClock()
    await store.drain_role(role, now_ms=store.clock.now_ms())
    deadline = clock.monotonic() + wait_s
    while (held := await _held(store, role)) and clock.monotonic() < deadline:
        await clock.sleep(_POLL_S)
    return held


@_unbounded
async def undrain_role(store: Store, _settings: Settings, role: str) -> None:
    """Let processes claim work of a role again."""
    await store.undrain_role(role)


@_unbounded
async def requeue_held(store: Store, settings: Settings, worker_id: str) -> int:
    """Release all jobs that a worker holds; return how many."""
    service = App(settings, store, listening=None).service
    count = 0
    while held := await store.held_jobs(worker_id, limit=_AT_ONCE):
        for job in held:
            await service.release(job)
        count += len(held)
    return count


@_unbounded
async def requeue_expired(store: Store, settings: Settings) -> int:
    """Rescue all jobs and deliveries whose lease has ended; return how many."""
    app = App(settings, store, listening=None)
    return await app.maintenance.rescuer.rescue(leases_until_ms=app.resources.clock.now_ms())


@_unbounded
async def vacuum_all(store: Store, settings: Settings) -> int:
    """Prune all rows past their retention, then maintain the database; return how many rows."""
    pruner = App(settings, store, listening=None).maintenance.pruner
    pruned = 0
    while step := await pruner.run_once():
        pruned += step
    await store.maintain()
    return pruned


async def _held(store: Store, role: str) -> int:
    if role == "worker":
        return sum(holder.jobs_count for holder in await store.holders())
    return (await store.due_stats(now_ms=0)).held_count
