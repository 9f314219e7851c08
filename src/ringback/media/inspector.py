"""Looks at strangers' files in a process of their own, within limits of memory and time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from ringback.errors import InvalidMedia
from ringback.media import process
from ringback.media.content import Facts

TIMEOUT_S = 30.0
_TRIES = 2  # as often as a file is looked at whose process dies


class Inspector:
    """Takes files in: each is judged, decoded and kept without its metadata, or refused."""

    def __init__(self, *, processes: int = 1, timeout_s: float = TIMEOUT_S) -> None:
        self._limiter = CapacityLimiter(processes)
        self._timeout_s = timeout_s

    async def take_in(self, path: Path, kept: Path) -> Facts:
        """Write a file without its metadata and return its facts, or raise ``InvalidMedia``."""
        async with self._limiter:
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await _tried(path, kept)
            except TimeoutError as exc:
                raise InvalidMedia("The file takes too long to be read.") from exc
            except BrokenWorkerProcess as exc:
                raise InvalidMedia("The file broke the process that read it.") from exc
        if answer[:1] == b"-":
            raise InvalidMedia(answer[1:].decode())
        return msgspec.msgpack.decode(answer[1:], type=Facts)


async def _tried(path: Path, kept: Path) -> bytes:
    """Look at the file, again if the process died under it: it may not have been its fault."""
    for tries_left in reversed(range(_TRIES)):
        try:
            # Cancelling this kills the process: nothing goes on that nobody waits for.
            return await to_process.run_sync(
                process.take_in, str(path), str(kept), cancellable=True
            )
        except BrokenWorkerProcess:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")
