"""Work in other processes: what it answers, and that none outlives the work that was cancelled."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path

import pytest

from ringback.concurrency.process_pool import ProcessDied, ProcessPool
from ringback.testing import settle
from tests.processes import children


async def test_work_returns_bytes_and_its_process_is_used_again() -> None:
    pool, others = ProcessPool(), children()
    assert await pool.run(bytes.upper, b"fog") == b"FOG"
    used = children() - others
    assert await pool.run(Path.read_bytes, Path(os.devnull)) == b""
    assert children() - others == used


@pytest.mark.parametrize("turns", [1, 3, 10, 100, 1_000])
async def test_work_that_is_cancelled_while_its_process_starts_leaves_no_process(
    turns: int,
) -> None:
    pool, others = ProcessPool(), children()
    work = asyncio.create_task(pool.run(signal.sigwait, {signal.SIGUSR1}))  # type: ignore[arg-type]
    await settle(turns)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert children() == others


async def test_work_that_is_cancelled_again_while_its_process_ends_leaves_no_process() -> None:
    pool, others = ProcessPool(), children()
    await pool.run(bytes.upper, b"")
    work = asyncio.create_task(pool.run(signal.sigwait, {signal.SIGUSR1}))  # type: ignore[arg-type]
    await settle()
    for _ in range(3):
        work.cancel()
        await settle(1)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert children() == others


async def test_an_error_of_the_work_is_raised_with_its_traceback_and_ends_nothing() -> None:
    pool, others = ProcessPool(), children()
    with pytest.raises(RuntimeError, match=r"Traceback[\s\S]*FileNotFoundError"):
        await pool.run(Path.read_bytes, Path("/nowhere"))
    used = children() - others
    assert await pool.run(bytes.upper, b"fog") == b"FOG"
    assert children() - others == used


async def test_a_process_that_died_idle_is_replaced_and_work_that_kills_two_is_told_so() -> None:
    pool, others = ProcessPool(), children()
    await pool.run(bytes.upper, b"")
    (idle,) = children() - others
    os.kill(idle, signal.SIGKILL)
    assert await pool.run(bytes.upper, b"fog") == b"FOG"
    with pytest.raises(ProcessDied):
        await pool.run(signal.raise_signal, signal.SIGKILL)  # type: ignore[arg-type]
    assert children() == others


async def test_processes_that_were_idle_for_long_end_when_the_next_work_comes() -> None:
    pool, others = ProcessPool(idle_s=0.0), children()
    await asyncio.gather(*(pool.run(bytes.upper, b"fog") for _ in range(3)))
    idle = children() - others
    assert len(idle) == 3
    await pool.run(bytes.upper, b"fog")
    assert len(children() - others) == 1
    assert not idle & children()


def test_processes_end_with_the_event_loop() -> None:
    others = children()
    assert asyncio.run(ProcessPool().run(bytes.upper, b"fog")) == b"FOG"
    assert children() == others


async def test_a_pool_that_nobody_holds_any_more_says_nothing_when_it_is_collected() -> None:
    others = children()
    await ProcessPool().run(bytes.upper, b"fog")
    gc.collect()  # a task that were collected while it waits would be told of
    assert len(children() - others) == 1
