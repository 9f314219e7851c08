"""The emulator's engine around another: jobs fail, stick or take long when the lab asks for it."""

from __future__ import annotations

import asyncio
import io as streams
from collections.abc import Awaitable, Callable

from PIL import Image

from ringback.clock import Clock
from ringback.engines.contract import Engine, EngineIO, EngineRequest, Made
from ringback.errors import EngineError
from ringback.lab.faults import Faults, parse_faults

_REPORT_S = 0.3  # reports that come closer together are not written

Cancel = Callable[[EngineRequest], Awaitable[object]]
"""Cancels a job as its client would."""


class FaultyEngine:
    """Runs an engine, with the faults that the job's submission asked for."""

    def __init__(self, engine: Engine, *, clock: Clock, cancel: Cancel) -> None:
        self.name = engine.name
        self._engine = engine
        self._clock = clock
        self._cancel = cancel

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Make the result, or what the faults make of it."""
        if request.lab is None:
            return await self._engine.run(request, io)
        faults = parse_faults(request.lab)
        if faults.stuck is not None:
            await self._stick(faults, io)
        await self._clock.sleep(faults.slow_ms / 1000)
        match faults.job:
            case "fail":
                raise EngineError("The lab made this job fail.")
            case "cancel":
                await self._cancel(request)
                await _for_ever()
            case "empty":
                return Made()
        return await self._engine.run(request, io)

    async def close(self) -> None:
        """Close the engine inside."""
        await self._engine.close()

    async def _stick(self, faults: Faults, io: EngineIO) -> None:
        """Bring the job into its status, and leave it there."""
        match faults.stuck:
            case "processing":
                await io.progress(0.0)
            case "sampling":
                await io.progress(0.0)
                await self._clock.sleep(_REPORT_S)
                await io.progress(0.5)
            case "intermediate-complete":
                await io.preview(await io.save(_grey_picture(), media_type="image/png"))
        await _for_ever()


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


def _grey_picture() -> bytes:
    written = streams.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(written, "PNG")
    return written.getvalue()
