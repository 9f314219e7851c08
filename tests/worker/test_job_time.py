"""A job's time stands still while it waits, and goes on where it stood."""

from __future__ import annotations

import asyncio

import pytest

from ringback.testing import settle
from ringback.worker.job_time import JobTime


async def test_time_that_is_up_is_not_noticed_inside_a_wait_and_at_once_after_it() -> None:
    time = JobTime(0.0)
    was_over_inside = True

    async def job() -> None:
        nonlocal was_over_inside
        async with time.timeout:
            with time.paused():
                await settle(100)
            was_over_inside = time.is_over()
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await job()
    assert time.is_over()
    assert not was_over_inside


async def test_waits_within_waits_end_with_the_outermost() -> None:
    time = JobTime(60.0)
    async with time.timeout:
        with time.paused():
            with time.paused():
                await settle()
            assert time.timeout.when() is None
        when = time.timeout.when()
    assert when is not None
    assert when > asyncio.get_running_loop().time()


async def test_waits_cost_no_time() -> None:
    time = JobTime(60.0)
    loop = asyncio.get_running_loop()
    async with time.timeout:
        before = time.timeout.when()
        with time.paused():
            began = loop.time()
            await settle(1_000)
            waited_s = loop.time() - began
        after = time.timeout.when()
    assert before is not None
    assert after is not None
    assert waited_s > 0
    # The loop's times are floating-point numbers, which are rounded.
    assert after - before > waited_s - 1e-6


async def test_a_job_without_a_limit_waits_as_well() -> None:
    time = JobTime(None)
    async with time.timeout:
        with time.paused():
            await settle()
    assert not time.is_over()
