"""Sends errands: starts a process for each, listens to what it tells, kills it when unwanted."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from anyio import CapacityLimiter

from ringback.engines.contract import EngineIO
from ringback.engines.sketch import errand
from ringback.errors import EngineError

_TOLD_BYTES_MAX = 16 << 20
_MODULE = errand.__name__
_TRIES = 2  # its process may have died of something else than its errand


class Errands:
    """Has long work done in processes of their own, so many at once."""

    def __init__(self, limiter: CapacityLimiter) -> None:
        self._limiter = limiter

    async def send(self, name: str, described: msgspec.Struct, io: EngineIO) -> None:
        """Do an errand, showing its progress and previews; raise ``EngineError`` if it fails.

        ``OSError`` says that the disk has no room for what it makes.

        Cancelling this kills the process: nothing goes on that nobody waits for.
        """
        errand_bytes = msgspec.msgpack.encode(described)
        async with self._limiter:
            for _ in range(_TRIES):
                if await _done(name, errand_bytes, io):
                    return
        raise EngineError("The process that makes it ended unexpectedly.")


async def _done(name: str, described: bytes, io: EngineIO) -> bool:
    """Do an errand once; return whether its process lived to the end."""
    process = await asyncio.create_subprocess_exec(
        # Without -P, modules of the directory that the server was started in would count.
        *(sys.executable, "-P", "-m", _MODULE, name),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        await _describe(process, described)
        return await _listened(process, io)
    finally:
        await _end(process)


async def _describe(process: Process, described: bytes) -> None:
    assert process.stdin is not None
    # A process that dies at once is noticed by what it does not say.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(described)
        await process.stdin.drain()
    process.stdin.close()


async def _listened(process: Process, io: EngineIO) -> bool:
    """Pass on what the process tells, until it has done its errand; False if it died before."""
    async for kind, payload in _told(process):
        if kind == errand.DONE:
            return True
        if kind == errand.REFUSED:
            raise EngineError(payload.decode())
        if kind == errand.FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if kind == errand.PROGRESS:
            await io.progress(msgspec.msgpack.decode(payload, type=float))
        if kind == errand.PREVIEW:
            await io.preview(await io.save(payload, media_type="image/jpeg"))
    return False


async def _told(process: Process) -> AsyncIterator[tuple[bytes, bytes]]:
    assert process.stdout is not None
    read: Callable[[int], Awaitable[bytes]] = process.stdout.readexactly
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            head = await read(1 + errand.LENGTH_BYTES)
            length = int.from_bytes(head[1:])
            if length > _TOLD_BYTES_MAX:
                return
            yield head[:1], await read(length)


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
