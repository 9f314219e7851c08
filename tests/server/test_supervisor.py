from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from ringback.errors import StorageFull, StorageUnavailable
from ringback.server.supervisor import TaskSupervisor
from ringback.testing import FakeClock, settle


async def test_a_loop_that_breaks_begins_again() -> None:
    clock = FakeClock()
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise OSError("the disk caught fire")

    kept_up = asyncio.create_task(TaskSupervisor(clock).keep_up("worker", work))
    await clock.elapse(5)
    await kept_up
    assert runs == 3


async def test_a_loop_is_broken_from_its_first_break_until_it_has_run_for_a_while() -> None:
    clock = FakeClock()
    loops = TaskSupervisor(clock)
    is_well = False

    async def work() -> None:
        if is_well:
            await asyncio.Event().wait()
        await clock.sleep(2)
        raise OSError("the disk caught fire")

    async def other() -> None:
        await asyncio.Event().wait()

    loops.start("worker", work)
    loops.start("rescuer", other)
    await settle()
    assert loops.broken() == ()
    await clock.elapse(2)
    for _ in range(10):
        assert loops.broken() == ("worker",)
        await clock.elapse(1)
    is_well = True
    await clock.elapse(3)
    assert loops.broken() == ("worker",)
    await clock.elapse(6)
    assert loops.broken() == ()
    await loops.stop()


@pytest.mark.parametrize(
    ("error", "events"),
    [
        (StorageUnavailable("The database cannot be reached."), []),  # the store has said so
        (StorageFull("The disk is full."), ["storage_full"]),
    ],
)
async def test_storage_that_takes_nothing_breaks_no_loop(
    error: StorageFull, events: list[str]
) -> None:
    clock = FakeClock()
    loops = TaskSupervisor(clock)
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise error

    with capture_logs() as logs:
        loops.start("drain-switch", work)
        await settle()
        assert loops.broken() == ()
        await clock.elapse(2)
    assert runs == 2
    assert [one["event"] for one in logs] == events


async def test_loops_that_do_not_stop_in_time_are_named() -> None:
    loops = TaskSupervisor(FakeClock())
    may_end = asyncio.Event()

    async def is_stubborn() -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue

    async def heeds() -> None:
        await asyncio.Event().wait()

    loops.start("pruner", is_stubborn)
    loops.start("gate", heeds)
    await settle()
    assert await loops.stop(0.01) == ("pruner",)
    may_end.set()
    assert await loops.stop() == ()
