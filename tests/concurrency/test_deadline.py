from __future__ import annotations

import asyncio

import pytest

from ringback.concurrency.deadline import Deadline, ends_in_time
from ringback.testing import FakeClock, settle


def test_steps_share_one_deadline_and_each_has_what_those_before_have_left() -> None:
    clock = FakeClock()
    deadline = Deadline(10.0, clock.monotonic)
    assert deadline.left_s == 10.0
    assert deadline.left_until_s(0.25) == 2.5
    clock.advance(4)
    assert deadline.left_s == 6.0
    assert deadline.left_until_s(0.25) == 0.0
    assert deadline.left_until_s(0.5) == 1.0
    assert deadline.left_until_s(1.0) == 6.0
    clock.advance(60)
    assert deadline.left_s == deadline.left_until_s(1.0) == 0.0


async def test_work_that_ends_in_time_is_said_to_and_its_error_is_raised() -> None:
    async def works() -> None:
        await settle(1)

    async def breaks() -> None:
        raise OSError("the disk caught fire")

    assert await ends_in_time(works(), 60)
    with pytest.raises(OSError, match="fire"):
        await ends_in_time(breaks(), 60)


async def test_work_that_takes_longer_is_cancelled() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    assert not await ends_in_time(waits(), 0.01)
    assert ended.is_set()


async def test_work_that_does_not_heed_its_cancellation_keeps_nobody() -> None:
    may_end = asyncio.Event()

    async def is_stubborn() -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue
        raise OSError("nobody waits for this any more")

    assert not await ends_in_time(is_stubborn(), 0.01)
    may_end.set()
    await settle()


async def test_whoever_is_cancelled_while_waiting_takes_the_work_along() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    waiting = asyncio.create_task(ends_in_time(waits(), 60))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(cancelled.wait(), 10)
