"""Clocks that are set: due times wait for no longer by it, and no key is forgotten early."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from ringback.jobs.model import Job, JobResult
from ringback.maintenance.periodic import Periodic
from ringback.maintenance.rescuer import Rescuer
from ringback.service import JobService
from ringback.service.clock_watch import ClockWatch
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from ringback.wakeups import Wakeups
from tests.builders import a_request

WEBHOOK_URL = "https://shop.example/webhook"
DAY_S = 24 * 3600


def set_clock(clock: FakeClock, by_s: int) -> None:
    clock._start_ms += by_s * 1000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def watch(store: SqliteStore, clock: FakeClock) -> ClockWatch:
    return ClockWatch(store, clock=clock)


async def submitted(service: JobService, key: str | None = None) -> Job:
    return (await service.submit(a_request(webhook_url=WEBHOOK_URL, idempotency_key=key))).job


async def due_count(store: SqliteStore, clock: FakeClock) -> int:
    return (await store.due_stats(now_ms=clock.now_ms())).due_count


@pytest.mark.parametrize("back_s", [30, 3 * DAY_S])
async def test_a_delivery_that_is_due_when_the_clock_is_set_back_is_due(
    service: JobService, store: SqliteStore, clock: FakeClock, watch: ClockWatch, back_s: int
) -> None:
    await submitted(service)
    (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=10)
    await service.finish(job, result=JobResult(urls=()))
    set_clock(clock, -back_s)
    assert await due_count(store, clock) == 0
    assert await watch.check()
    assert await due_count(store, clock) == 1


@pytest.mark.parametrize("back_s", [30, 3 * DAY_S])
async def test_a_job_that_runs_while_the_clock_is_set_back_sends_its_event_at_once(
    service: JobService, store: SqliteStore, clock: FakeClock, watch: ClockWatch, back_s: int
) -> None:
    await submitted(service)
    (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=10)
    set_clock(clock, -back_s)
    assert await watch.check()
    ended = await service.finish(job, result=JobResult(urls=()))
    assert ended.completed_at_ms == job.created_at_ms  # a job does not end before it began
    assert await due_count(store, clock) == 1


@pytest.mark.parametrize(
    "jumps", [(-30, 30), (-3 * DAY_S, 3 * DAY_S), (3 * DAY_S, -3 * DAY_S), (3 * DAY_S,)]
)
async def test_no_key_is_forgotten_early_when_the_clock_is_set_in_either_direction(
    service: JobService, clock: FakeClock, watch: ClockWatch, jumps: tuple[int, ...]
) -> None:
    made = {"before": await submitted(service, "before")}
    for number, jump in enumerate(jumps):
        set_clock(clock, jump)
        await watch.check()
        made[f"after{number}"] = await submitted(service, f"after{number}")
        await service.forget_keys()
        clock.advance(3600)
    for key, job in made.items():
        assert (await submitted(service, key)).job_id == job.job_id


async def test_no_key_is_forgotten_before_a_clock_that_was_set_ahead_is_noticed(
    service: JobService, clock: FakeClock, watch: ClockWatch
) -> None:
    job = await submitted(service, "key")
    set_clock(clock, 3 * DAY_S)
    assert (await submitted(service, "key")).job_id == job.job_id
    assert await service.forget_keys() == 0  # it was set after the last look
    assert await watch.check()
    service.key_age.settle()
    assert (await submitted(service, "key")).job_id == job.job_id
    clock.advance(DAY_S + 1)
    assert await service.forget_keys() == 1


async def test_a_key_is_forgotten_after_a_day_though_the_clock_was_set_back(
    service: JobService, clock: FakeClock, watch: ClockWatch
) -> None:
    job = await submitted(service, "key")
    set_clock(clock, -3 * DAY_S)
    await watch.check()
    clock.advance(DAY_S + 1)
    await watch.check()
    assert await service.forget_keys() == 1
    assert (await submitted(service, "key")).job_id != job.job_id


@pytest.mark.parametrize("by_s", [-3 * DAY_S, -30, 3 * DAY_S])
async def test_a_clock_that_was_set_while_no_server_ran_forgets_no_key_and_delays_nothing(
    service: JobService, store: SqliteStore, clock: FakeClock, wakeups: Wakeups, by_s: int
) -> None:
    job = await submitted(service, "key")
    (held,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=10)
    await service.finish(held, result=JobResult(urls=()))
    set_clock(clock, by_s)
    watch = ClockWatch(store, clock=clock)
    rescuer = Rescuer(service, store, clock=clock, wakeups=wakeups, clock_watch=watch)
    await rescuer.rescue_all_in_time()
    await service.forget_keys()
    assert (await submitted(service, "key")).job_id == job.job_id
    assert await due_count(store, clock) == 1


async def test_a_new_leader_moves_no_times_that_were_moved_before(
    service: JobService, store: SqliteStore, clock: FakeClock, wakeups: Wakeups, watch: ClockWatch
) -> None:
    leads = False
    rescuer = Rescuer(service, store, clock=clock, wakeups=wakeups, clock_watch=watch)
    loop = Periodic(
        "rescuer",
        rescuer.step,
        every_s=1,
        clock=clock,
        is_leader=lambda: leads,
        stand_by=rescuer.stand_by,
    )
    running = asyncio.create_task(loop.run())
    await clock.elapse(0.5)
    set_clock(clock, -DAY_S)  # another process leads, notices it and shifts the times
    await clock.elapse(1)
    leads = True
    with capture_logs() as logs:
        await clock.elapse(2)
    assert not await watch.check()
    assert logs == []
    running.cancel()


async def test_the_rescuer_logs_that_the_clock_was_set(
    service: JobService, store: SqliteStore, clock: FakeClock, wakeups: Wakeups, watch: ClockWatch
) -> None:
    await submitted(service)
    (job,) = await service.claim(engine="null", limit=1, worker_id="w", lease_s=10)
    await service.finish(job, result=JobResult(urls=()))
    await wakeups.deliveries.wait(5)
    rescuer = Rescuer(service, store, clock=clock, wakeups=wakeups, clock_watch=watch)
    set_clock(clock, -DAY_S)
    with capture_logs() as logs:
        await rescuer.step()
        await wakeups.deliveries.wait(5)
    assert {"event": "clock_set", "by_s": -DAY_S}.items() <= logs[0].items()
    assert await due_count(store, clock) == 1


async def test_time_that_passes_and_small_corrections_move_nothing(
    watch: ClockWatch, clock: FakeClock
) -> None:
    for _ in range(9):
        clock.advance(DAY_S)
        assert not await watch.check()
    clock._start_ms -= 900
    assert not await watch.check()
