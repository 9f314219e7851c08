"""The fakes do what the tests that lean on them believe."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ringback.testing import FakeClock, FakeReceiver, FakeResolver, settle


async def test_time_stands_still_until_it_is_advanced() -> None:
    clock = FakeClock(start_ms=1000)
    assert (clock.now_ms(), clock.monotonic()) == (1000, 0.0)
    clock.advance(timedelta(hours=5))
    clock.advance(0.25)
    assert (clock.now_ms(), clock.monotonic()) == (1000 + 18_000_250, 18_000.25)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


async def test_sleepers_wake_in_order() -> None:
    clock = FakeClock()
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    sleeping = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2, 0)]
    await settle()
    assert woken == [0]
    assert clock.sleepers_count == 3
    clock.advance(2)
    await settle()
    assert woken == [0, 1, 2]
    clock.advance(1)
    await asyncio.gather(*sleeping)
    assert woken == [0, 1, 2, 3]


async def test_elapsing_time_lets_a_loop_sleep_again_and_again() -> None:
    clock = FakeClock()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await clock.sleep(10)
            ticks.append(clock.monotonic())

    ticking = asyncio.create_task(tick())
    await clock.elapse(35)
    assert ticks == [10, 20, 30]
    assert clock.monotonic() == 35
    ticking.cancel()


async def test_waiting_for_a_request_that_does_not_come_times_out() -> None:
    async with FakeReceiver() as receiver:
        with pytest.raises(TimeoutError):
            await receiver.wait_for(1, timeout_s=0.01)


async def test_the_resolver_answers_in_turn_and_remembers_the_questions() -> None:
    resolver = FakeResolver({"a": [["1.1.1.1"], ["2.2.2.2"]], "b": ["3.3.3.3"]})
    answers = [await resolver.resolve(host, 443) for host in ("a", "b", "a", "a")]
    assert answers == [["1.1.1.1"], ["3.3.3.3"], ["2.2.2.2"], ["2.2.2.2"]]
    assert resolver.questions[0] == ("a", 443)
    with pytest.raises(OSError, match="not known"):
        await resolver.resolve("c", 443)
