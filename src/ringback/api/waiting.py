"""Waiting for as long as somebody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ringback.jobs.model import Job
from ringback.service import Service

Found = TypeVar("Found")


async def wait_for_end(service: Service, job: Job, *, timeout_s: float, receive: Receive) -> Job:
    """Return the job once it is over or the time is; raises ``ClientDisconnect``."""
    return await while_heard(service.wait_for_end(job, timeout_s=timeout_s), receive=receive)


async def while_heard(waited_for: Awaitable[Found], *, receive: Receive) -> Found:
    """Return what was waited for; raises ``ClientDisconnect`` once the client has gone."""
    came = asyncio.ensure_future(waited_for)
    left = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((came, left), return_when=asyncio.FIRST_COMPLETED)
        if not came.done():
            raise ClientDisconnect
        return came.result()
    finally:
        came.cancel()
        left.cancel()


async def _disconnected(receive: Receive) -> None:
    # The body was read or there is none: what still comes is an empty rest of it, then the end.
    while (await receive())["type"] != "http.disconnect":
        pass
