"""Waiting for a job's end for as long as somebody listens."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ringback.jobs.model import Job
from ringback.service import Service


async def wait_for_end(service: Service, job: Job, *, timeout_s: float, receive: Receive) -> Job:
    """Return the job once it is over or the time is; raises ``ClientDisconnect``."""
    ended = asyncio.ensure_future(service.wait_for_end(job, timeout_s=timeout_s))
    left = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((ended, left), return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            raise ClientDisconnect
        return ended.result()
    finally:
        ended.cancel()
        left.cancel()


async def _disconnected(receive: Receive) -> None:
    # The body was read or there is none: what still comes is an empty rest of it, then the end.
    while (await receive())["type"] != "http.disconnect":
        pass
