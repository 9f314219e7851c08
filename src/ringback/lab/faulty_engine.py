"""The emulator's engine around another: jobs fail, stick or take long by the lab's faults."""

from __future__ import annotations

import asyncio
import io as streams
from collections.abc import Awaitable, Callable
from pathlib import Path

from PIL import Image

from ringback.clock import Clock
from ringback.engines.contract import Engine, EngineIO, EngineRequest, Made, note_of_unknown_type
from ringback.errors import EngineError, FetchError
from ringback.files.media.content import UNKNOWN
from ringback.files.media.parsing import sniff
from ringback.jobs.requested_faults import Faults, parse_faults
from ringback.lab.script import Answer

_FILE_BYTES_MAX = 75 << 20  # of a prepared answer, as of an asset
_REPORT_S = 0.3  # reports that come closer together are not written

FindAnswer = Callable[[str], Answer | None]
"""Returns the prepared answer of a name."""

Cancel = Callable[[EngineRequest], Awaitable[object]]
"""Cancels a job as its client would."""


class FaultyEngine:
    """Runs an engine, with the faults of the job's submission."""

    def __init__(self, engine: Engine, *, clock: Clock, cancel: Cancel, answer: FindAnswer) -> None:
        self.name = engine.name
        self._engine = engine
        self._clock = clock
        self._cancel = cancel
        self._answer = answer

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Make the result, or the failure that the faults name."""
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
        if faults.error is not None:
            raise EngineError(faults.error)
        if faults.result is not None:
            return await self._prepared(faults.result, io)
        return await self._engine.run(request, io)

    async def close(self) -> None:
        """Close the engine inside."""
        await self._engine.close()

    async def _prepared(self, result: str, io: EngineIO) -> Made:
        """Save the files of a prepared answer, or the one behind a URL."""
        if "://" in result:
            try:
                contents = [await io.fetch(result, bytes_max=_FILE_BYTES_MAX)]
            except FetchError as exc:
                raise EngineError(f"The lab could not fetch {result}: {exc}") from exc
        else:
            answer = self._answer(result)
            if answer is None:
                raise EngineError(f"The lab has no answer {result} any more.")
            contents = [await asyncio.to_thread(_read, path) for path in answer.files]
        types = [sniff(content) for content in contents]
        saved = [
            await io.save(content, media_type=media_type or UNKNOWN)
            for content, media_type in zip(contents, types, strict=True)
        ]
        notes = [
            note_of_unknown_type(number) for number, found in enumerate(types, 1) if found is None
        ]
        return Made(artifacts=tuple(saved), notes=tuple(notes))

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


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as exc:
        raise EngineError(f"The lab cannot read {path.name}: {exc.strerror}.") from exc
    if len(content) > _FILE_BYTES_MAX:
        raise EngineError(f"{path.name} has more than {_FILE_BYTES_MAX} bytes.")
    return content


def _grey_picture() -> bytes:
    written = streams.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(written, "PNG")
    return written.getvalue()
