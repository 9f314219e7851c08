"""Sanitizes untrusted files in separate processes, with limits on work, memory and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ringback.concurrency.fair_limiter import FairLimiter
from ringback.concurrency.process_pool import ProcessDied, ProcessPool
from ringback.errors import InvalidMedia
from ringback.files.media import process
from ringback.files.media.content import PICTURES, Facts
from ringback.files.media.cost import CHEAP_S, TIME_S_MAX, time_limit_s
from ringback.log import get_logger

log = get_logger(__name__)


class Inspector:
    """Checks uploaded files, decodes images, and writes copies without metadata.

    A slot is a working process. Cheap and costly work have separate slots, so that a small file
    does not wait behind large ones. Workspaces have equal shares of each, and one slot is reserved
    for workspaces that hold none.
    """

    def __init__(
        self, *, processes: int = 1, reserve: int = 1, timeout_s: float = TIME_S_MAX
    ) -> None:
        self._quick = FairLimiter(processes, reserve=reserve)
        self._slow = FairLimiter(processes, reserve=reserve)
        # The limiters above bound the processes, so the pool itself never waits.
        self._pool = ProcessPool()
        self._timeout_s = timeout_s

    async def sanitize(self, path: Path, stripped: Path, *, workspace_id: str) -> Facts:
        """Write a file without its metadata and return its facts, or raise ``InvalidMedia``."""
        async with self._quick.slot(workspace_id):
            outcome = await self._in_process(
                TIME_S_MAX, process.strip_file, str(path), str(stripped)
            )
        parsed = msgspec.msgpack.decode(outcome, type=process.Stripped)
        facts, cost_s = parsed.facts, parsed.cost_s
        if facts.media_type not in PICTURES:
            return facts
        # The stripped copy is decoded, because only it is ever handed out.
        limiter = self._quick if cost_s <= CHEAP_S else self._slow
        async with limiter.slot(workspace_id):
            outcome = await self._in_process(
                time_limit_s(cost_s), process.decode_file, str(stripped), cost_s
            )
        width, height = msgspec.msgpack.decode(outcome, type=tuple[int, int])
        return msgspec.structs.replace(facts, width=width, height=height)

    async def strip(self, path: Path, *, workspace_id: str) -> None:
        """Remove a result's metadata in place; a file that cannot be read stays as it is."""
        stripped = path.with_name(f"{path.name}.stripped")
        try:
            async with self._quick.slot(workspace_id):
                await self._in_process(TIME_S_MAX, process.strip_result, str(path), str(stripped))
            stripped.replace(path)
        except InvalidMedia as exc:
            log.warning("result_not_stripped", detail=str(exc))
        finally:
            stripped.unlink(missing_ok=True)

    async def _in_process(
        self, limit_s: float, function: Callable[..., bytes], *arguments: Any
    ) -> bytes:
        """Run a function in a process and return its result, or raise ``InvalidMedia``."""
        try:
            async with asyncio.timeout(min(limit_s, self._timeout_s)):
                outcome = await self._pool.run(function, *arguments)
        except TimeoutError as exc:
            raise InvalidMedia("The file takes too long to be read.") from exc
        except ProcessDied as exc:
            raise InvalidMedia("The file broke the process that read it.") from exc
        if outcome[:1] == b"-":
            raise InvalidMedia(outcome[1:].decode())
        return outcome[1:]
