"""What ``ringback admin`` does to the store; all of it may be done beside running servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ringback.app.app import App
from ringback.cli.keyring import check_holds_data, with_store
from ringback.clock import SystemClock
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.wire.document import iso_time

Result = TypeVar("Result")

_AT_ONCE = 500
_LOOK_S = 0.25


def stats_of(settings: Settings) -> dict[str, Any]:
    """Return how much there is of what, and who holds it."""

    async def act(store: Store) -> dict[str, Any]:
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

    return _with_store(settings, act)


def drain_role(settings: Settings, role: str, *, wait_s: float) -> int:
    """Let nobody claim in a role; return how much is held once that is nothing, or time is up."""
    clock = SystemClock()

    async def act(store: Store) -> int:
        await store.drain_role(role, now_ms=store.clock.now_ms())
        deadline = clock.monotonic() + wait_s
        while (held := await _held(store, role)) and clock.monotonic() < deadline:
            await clock.sleep(_LOOK_S)
        return held

    return _with_store(settings, act)


def undrain_role(settings: Settings, role: str) -> None:
    """Let everybody claim in a role again."""
    _with_store(settings, lambda store: store.undrain_role(role))


def requeue_held(settings: Settings, worker_id: str) -> int:
    """Give back whatever a worker holds; return how many jobs that was."""

    async def act(store: Store) -> int:
        service = App(settings, store, listening=None).service
        count = 0
        while held := await store.held_jobs(worker_id, limit=_AT_ONCE):
            for job in held:
                await service.release(job)
            count += len(held)
        return count

    return _with_store(settings, act)


def requeue_expired(settings: Settings) -> int:
    """Give back whatever is held past its lease; return how many jobs and deliveries that was."""

    async def act(store: Store) -> int:
        app = App(settings, store, listening=None)
        now_ms = app.ground.clock.now_ms()
        return await app.upkeep.janitor.rescue(leases_until_ms=now_ms)

    return _with_store(settings, act)


def vacuum_all(settings: Settings) -> int:
    """Prune until nothing is past its time, then tidy up; return how many rows went."""

    async def act(store: Store) -> int:
        app = App(settings, store, listening=None)
        pruned = 0
        while step := await app.upkeep.pruner.run_once():
            pruned += step
        await store.maintain()
        return pruned

    return _with_store(settings, act)


async def _held(store: Store, role: str) -> int:
    if role == "worker":
        return sum(holder.jobs_count for holder in await store.holders())
    return (await store.due_stats(now_ms=0)).held_count


def _with_store(settings: Settings, act: Callable[[Store], Awaitable[Result]]) -> Result:
    check_holds_data(settings)
    return with_store(settings, act, bounded=False)
