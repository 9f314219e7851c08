"""The loop of maintenance: it waits, steps where the process leads, and waits for storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from ringback.errors import StorageError, StorageFull, StorageUnavailable
from ringback.maintenance.periodic import Periodic
from ringback.testing import FakeClock


class Steps:
    """Counts the steps of a loop, and raises the error that is set for the next one."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.error: Exception | None = None
        self.clock = FakeClock()

    async def step(self) -> None:
        self.at.append(self.clock.monotonic())
        if self.error is not None:
            raise self.error

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
        loop = Periodic("pruner", self.step, clock=self.clock, **{"every_s": 2.0, **options})
        task = asyncio.create_task(loop.run())
        yield task
        task.cancel()
        await asyncio.wait([task])


async def test_a_step_follows_each_wait() -> None:
    steps = Steps()
    async with steps.running():
        await steps.clock.elapse(7)
    assert steps.at == [2, 4, 6]


async def test_a_loop_that_begins_at_once_steps_before_it_waits() -> None:
    steps = Steps()
    async with steps.running(at_once=True):
        await steps.clock.elapse(3)
    assert steps.at == [0, 2]


async def test_a_process_that_does_not_lead_stands_by_and_steps_once_it_leads() -> None:
    steps, stood_by = Steps(), []
    leads = False
    async with steps.running(is_leader=lambda: leads, stand_by=lambda: stood_by.append("once")):
        await steps.clock.elapse(4)
        assert (steps.at, stood_by) == ([], ["once", "once"])
        leads = True
        await steps.clock.elapse(4)
    assert (steps.at, stood_by) == ([6, 8], ["once", "once"])


@pytest.mark.parametrize(
    ("error", "events"),
    [
        (StorageFull("The disk is full."), ["storage_full"]),
        (StorageUnavailable("The database cannot be reached."), []),  # the store says so itself
    ],
)
async def test_storage_that_takes_nothing_breaks_no_loop_and_is_tried_again(
    error: StorageError, events: list[str]
) -> None:
    steps = Steps()
    steps.error = error
    with capture_logs() as logs:
        async with steps.running(every_s=0.25):
            await steps.clock.elapse(0.5)
            steps.error = None
            await steps.clock.elapse(1)
    assert steps.at == [0.25, 1.25, 1.5]
    assert [entry["event"] for entry in logs] == events


async def test_any_other_exception_ends_the_loop_for_its_supervisor() -> None:
    steps = Steps()
    steps.error = OSError("the disk caught fire")
    async with steps.running() as task:
        await steps.clock.elapse(3)
        with pytest.raises(OSError, match="caught fire"):
            await task
    assert steps.at == [2]
