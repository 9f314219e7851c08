"""Long polling: a wait ends when the client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ringback.jobs.model import Job
from ringback.service import JobService

Result = TypeVar("Result")


async def wait_for_end(service: JobService, job: Job, *, timeout_s: float, receive: Receive) -> Job:
    """Return the job after its end or the timeout; raises ``ClientDisconnect``."""
    return await while_connected(service.wait_for_end(job, timeout_s=timeout_s), receive=receive)


async def while_connected(result: Awaitable[Result], *, receive: Receive) -> Result:
    """Return the awaited result; raises ``ClientDisconnect`` if the client leaves first."""
    wait = asyncio.ensure_future(result)
    left = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((wait, left), return_when=asyncio.FIRST_COMPLETED)
        if not wait.done():
            raise ClientDisconnect
        return wait.result()
    finally:
        wait.cancel()
        left.cancel()


async def _disconnected(receive: Receive) -> None:
    # The body has been read: only an empty rest of it may still come before the disconnect.
    while (await receive())["type"] != "http.disconnect":
        pass
