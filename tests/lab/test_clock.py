"""The clock that can be moved on."""

from __future__ import annotations

import asyncio

import pytest

from ringback.lab.clock import LabClock
from ringback.testing import FakeClock, settle


async def test_time_flows_as_the_machines_does_and_as_far_as_it_was_moved() -> None:
    base = FakeClock()
    clock = LabClock(base, ahead_ms=250)
    assert clock.now_ms() == base.now_ms() + 250
    started = clock.monotonic()
    base.advance(2)
    clock.advance(3.5)
    assert clock.ahead_ms == 3_750
    assert clock.machine_ms() == base.now_ms()
    assert clock.now_ms() == base.now_ms() + 3_750
    assert clock.monotonic() - started == pytest.approx(5.5)


async def test_whoever_slept_until_then_wakes_in_order_and_nobody_else() -> None:
    clock = LabClock()
    woken: list[int] = []

    async def sleep(hours: int) -> None:
        await clock.sleep(hours * 3600)
        woken.append(hours)

    sleepers = [asyncio.create_task(sleep(hours)) for hours in (5, 100, 2, 75)]
    await settle()
    clock.advance(75 * 3600)
    await settle()
    assert woken == [2, 5, 75]
    clock.advance(25 * 3600)
    await asyncio.gather(*sleepers)
    assert woken == [2, 5, 75, 100]


async def test_what_is_left_of_a_sleep_passes_in_real_time() -> None:
    clock = LabClock()
    sleeping = asyncio.create_task(clock.sleep(3600))
    await settle()
    clock.advance(3599.99)
    assert not sleeping.done()
    await asyncio.wait_for(sleeping, 5)


async def test_a_sleep_ends_by_itself() -> None:
    clock = LabClock()
    await asyncio.wait_for(clock.sleep(0.001), 5)
    await asyncio.wait_for(clock.sleep(0), 5)


async def test_a_sleeper_who_is_cancelled_is_forgotten() -> None:
    clock = LabClock()
    sleeping = asyncio.create_task(clock.sleep(3600))
    await settle()
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    clock.advance(7200)
    await settle()
    assert sleeping.cancelled()


async def test_time_does_not_run_backwards() -> None:
    clock = LabClock()
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
    assert clock.ahead_ms == 0
