"""Runs the image tasks of one job in the drawing processes."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ringback.concurrency.process_pool import ProcessDied, ProcessPool
from ringback.engines.contract import EngineIO
from ringback.engines.sketch import process
from ringback.engines.sketch.slots import JobSlots
from ringback.errors import EngineError, EngineProcessDied
from ringback.files.media.cost import TIME_S_MAX, time_limit_s

_SEED_RANGE = 2**32

Function = Callable[[bytes], bytes]


class ImageTasks:
    """Runs the tasks of one job, each when it has a slot."""

    def __init__(
        self,
        slots: JobSlots,
        io: EngineIO,
        *,
        pool: ProcessPool,
        read_s_max: float = TIME_S_MAX,
    ) -> None:
        self._slots = slots
        self._io = io
        self._pool = pool
        self._read_s_max = read_s_max

    async def draw(self, spec: Mapping[str, Any], seed: int, size: tuple[int, int]) -> str:
        """Draw an image, store it, and return its artifact name."""
        arguments = msgspec.msgpack.encode(
            {**spec, "seed": seed % _SEED_RANGE, "width": size[0], "height": size[1]}
        )
        return await self._io.save(await self.run(process.draw, arguments), media_type="image/png")

    async def run(self, function: Function, argument: bytes) -> bytes:
        """Run a function in a process and return its result, or raise ``EngineError``."""
        async with self._slots.slot():
            return _unwrap(await self._run(function, argument))

    async def read(self, function: Function, path: Path) -> bytes:
        """Run a function that reads an untrusted image; return its result or raise ``EngineError``.

        The cost is estimated first, and gives the time limit. An image that takes longer fails
        the job that names it.
        """
        argument = os.fsencode(path)
        async with self._slots.slot():
            outcome = await self._run_within(process.estimate_cost, argument, TIME_S_MAX)
            cost_s = msgspec.msgpack.decode(outcome, type=float)
            return await self._run_within(function, argument, time_limit_s(cost_s))

    async def _run_within(self, function: Function, argument: bytes, limit_s: float) -> bytes:
        limit_s = min(limit_s, self._read_s_max)
        try:
            async with asyncio.timeout(limit_s):
                return _unwrap(await self._run(function, argument))
        except TimeoutError as exc:
            raise EngineError(
                f"An input image takes longer to read than its {math.ceil(limit_s)} s "
                "limit. Save it with common settings, or smaller."
            ) from exc

    async def _run(self, function: Function, argument: bytes) -> bytes:
        try:
            return await self._pool.run(function, argument)
        except ProcessDied as exc:
            raise EngineProcessDied from exc


def _unwrap(outcome: bytes) -> bytes:
    if outcome[:1] == b"-":
        raise EngineError(outcome[1:].decode())
    return outcome[1:]
