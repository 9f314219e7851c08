from __future__ import annotations

import asyncio

from ringback.loops import Loops
from ringback.testing import FakeClock, settle


async def test_a_loop_that_breaks_begins_again() -> None:
    clock = FakeClock()
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise OSError("the disk caught fire")

    kept_up = asyncio.create_task(Loops(clock).keep_up("worker", work))
    await clock.elapse(5)
    await kept_up
    assert runs == 3


async def test_a_loop_is_broken_from_its_first_break_until_it_has_run_for_a_while() -> None:
    clock = FakeClock()
    loops = Loops(clock)
    is_well = False

    async def work() -> None:
        if is_well:
            await asyncio.Event().wait()
        await clock.sleep(2)
        raise OSError("the disk caught fire")

    async def other() -> None:
        await asyncio.Event().wait()

    loops.start("worker", work)
    loops.start("janitor", other)
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
