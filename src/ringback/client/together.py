"""A few calls at a time, with and without an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def together(calls: Sequence[Callable[[], T]], *, at_once: int) -> list[T]:
    """Return what the calls return, in their order; so many run at once, in threads."""
    if len(calls) < 2:
        return [call() for call in calls]
    # Imported late: most programs save one file at a time, and it brings logging with it.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(at_once, len(calls)), "ringback-save") as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


async def atogether(calls: Sequence[Callable[[], Awaitable[T]]], *, at_once: int) -> list[T]:
    """Return what the calls return, in their order; so many run at once."""
    # Imported late: whoever waits by blocking needs none of it.
    import asyncio

    places = asyncio.Semaphore(at_once)

    async def placed(call: Callable[[], Awaitable[T]]) -> T:
        async with places:
            return await call()

    tasks = [asyncio.ensure_future(placed(call)) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()  # of those that go on after one has failed
        await asyncio.gather(*tasks, return_exceptions=True)
