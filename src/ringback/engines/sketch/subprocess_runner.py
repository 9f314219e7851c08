"""Runs a task in a subprocess: starts it, relays its messages, kills it on cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from ringback.engines.contract import EngineIO
from ringback.engines.sketch import subprocess_task
from ringback.engines.sketch.slots import JobSlots
from ringback.errors import EngineError, EngineProcessDied

_MESSAGE_BYTES_MAX = 16 << 20
_MODULE = subprocess_task.__name__
_TOO_LONG = "This takes longer than its time limit; use smaller inputs, or request less."


class SubprocessRunner:
    """Runs long tasks of one job in subprocesses, each when it has a slot."""

    def __init__(self, slots: JobSlots) -> None:
        self._slots = slots

    async def run(self, name: str, task: msgspec.Struct, io: EngineIO) -> None:
        """Run a task, showing its progress and previews; raise ``EngineError`` if it fails.

        Raises ``EngineProcessDied`` if the process dies, and ``OSError`` if the disk is full.
        Cancelling this kills the process, so that no abandoned work continues.
        """
        encoded_task = msgspec.msgpack.encode(task)
        async with self._slots.slot():
            if not await _run_once(name, encoded_task, io):
                raise EngineProcessDied


async def _run_once(name: str, task: bytes, io: EngineIO) -> bool:
    """Run a task once; return whether its process completed it."""
    process = await asyncio.create_subprocess_exec(
        # Without -P, modules in the server's working directory would be imported.
        *(sys.executable, "-P", "-m", _MODULE, name),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        await _send_task(process, task)
        completed = await _relay(process, io)
    finally:
        await _kill(process)
    if process.returncode == -signal.SIGXCPU:  # a retry would exceed the limit again
        raise EngineError(_TOO_LONG)
    return completed


async def _send_task(process: Process, task: bytes) -> None:
    assert process.stdin is not None
    # A process that dies at once is noticed by its missing messages.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(task)
        await process.stdin.drain()
    process.stdin.close()


async def _relay(process: Process, io: EngineIO) -> bool:
    """Relay the process's messages until the task is done; return False if it died before."""
    async for kind, payload in _messages(process):
        if kind == subprocess_task.DONE:
            return True
        if kind == subprocess_task.REFUSED:
            raise EngineError(payload.decode())
        if kind == subprocess_task.FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if kind == subprocess_task.PROGRESS:
            await io.progress(msgspec.msgpack.decode(payload, type=float))
        if kind == subprocess_task.PREVIEW:
            await io.preview(await io.save(payload, media_type="image/jpeg"))
    return False


async def _messages(process: Process) -> AsyncIterator[tuple[bytes, bytes]]:
    assert process.stdout is not None
    read: Callable[[int], Awaitable[bytes]] = process.stdout.readexactly
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            head = await read(1 + subprocess_task.LENGTH_BYTES)
            length = int.from_bytes(head[1:])
            if length > _MESSAGE_BYTES_MAX:
                return
            yield head[:1], await read(length)


async def _kill(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
