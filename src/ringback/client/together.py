"""Runs several calls concurrently with a limit, in threads or on an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def together(calls: Sequence[Callable[[], T]], *, at_once: int) -> list[T]:
    """Return the calls' results in their order; ``at_once`` of them run at once, in threads."""
    if len(calls) < 2:
        return [call() for call in calls]
    # Imported late: most programs save one file at a time, and it brings logging with it.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(at_once, len(calls)), "ringback-save") as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


async def atogether(calls: Sequence[Callable[[], Awaitable[T]]], *, at_once: int) -> list[T]:
    """Return the calls' results in their order; ``at_once`` of them run at once."""
    # Imported late: the synchronous client does not need it.
    import asyncio

    slots = asyncio.Semaphore(at_once)

    async def run(call: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await call()

    tasks = [asyncio.ensure_future(run(call)) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()  # after one failed, the others may still run
        await asyncio.gather(*tasks, return_exceptions=True)
