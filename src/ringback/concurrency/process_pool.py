"""A pool of processes for blocking work, in which cancelling work ends its process."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from typing import Any

from ringback.concurrency import pool_process

_IDLE_S = 300.0
_closing: set[asyncio.Task[None]] = set()  # an event loop alone would let go of its tasks


class ProcessDied(Exception):
    """The process died under the work, twice."""


class ProcessPool:
    """Runs functions in processes, which are kept for the next work. One per event loop.

    Callers limit how many run at once; the pool keeps none of them waiting. The processes end with
    the event loop.
    """

    def __init__(self, *, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        self._idle: list[tuple[Process, float]] = []  # each with the time since when
        self._closing: asyncio.Task[None] | None = None

    async def run(self, work: Callable[..., bytes], *arguments: Any) -> bytes:
        """Return the bytes that a function of a module returns, or raise ``ProcessDied``.

        Cancelling this kills the process, also one that still starts, and waits for its end.
        """
        request = pickle.dumps((work, arguments))
        # The process that is taken first may have died idle, before this work came.
        for taken in (self._take, _start):
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                return await self._run_in(await taken(), request)
        raise ProcessDied

    async def _run_in(self, process: Process, request: bytes) -> bytes:
        try:
            is_answer, content = await _exchange(process, request)
        except BaseException:
            await _end(process)
            raise
        await self._put(process)
        if not is_answer:
            raise RuntimeError(content.decode())
        return content

    async def _take(self) -> Process:
        """Return the process that was used last, or a new one; end those idle for long."""
        oldest = asyncio.get_running_loop().time() - self._idle_s
        while self._idle and self._idle[0][1] < oldest:
            await _end(self._idle.pop(0)[0])
        return self._idle.pop()[0] if self._idle else await _start()

    async def _put(self, process: Process) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_with_the_loop())
            _closing.add(self._closing)
            self._closing.add_done_callback(_closing.discard)
        if self._closing.done():
            await _end(process)
        else:
            self._idle.append((process, asyncio.get_running_loop().time()))

    async def _close_with_the_loop(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:  # an event loop that ends cancels its tasks
            while self._idle:
                await _end(self._idle.pop()[0])


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        # Without -P, modules of the directory that the server was started in would count.
        *(sys.executable, "-P", "-m", pool_process.__name__),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )


async def _exchange(process: Process, request: bytes) -> tuple[bool, bytes]:
    """Return whether the work returned, and the bytes that it returned or its traceback."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(len(request).to_bytes(pool_process.LENGTH_BYTES) + request)
    await process.stdin.drain()
    head = await process.stdout.readexactly(1 + pool_process.LENGTH_BYTES)
    content = await process.stdout.readexactly(int.from_bytes(head[1:]))
    return head[:1] == pool_process.RETURNED, content


async def _end(process: Process) -> None:
    """Kill a process, wait for its end and close its pipes, also when cancelled meanwhile."""
    assert process.stdin is not None
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.stdin.close()
    is_cancelled = False
    while True:
        try:
            await process.communicate()
            break
        except asyncio.CancelledError:
            # A killed process ends at once, and one that nobody waits for would stay.
            is_cancelled = True
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await process.stdin.wait_closed()
    if is_cancelled:
        raise asyncio.CancelledError
