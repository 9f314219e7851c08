"""The sketch engine: reads the request here, has the picture drawn in another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from ringback.catalogue import model
from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch import process
from ringback.engines.sketch.asked import count_of, size_of
from ringback.engines.sketch.enhance.maker import Enhancer
from ringback.engines.sketch.errands import Errands
from ringback.engines.sketch.fetching import fetched
from ringback.engines.sketch.folders import Folder, temporary_folder
from ringback.engines.sketch.inputs import (
    Input,
    images_of,
    number_of,
    prompt_of,
    share_of,
    styles_of,
    trained_of,
)
from ringback.engines.sketch.motion.maker import ClipMaker
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.training import train
from ringback.errors import EngineError

_INPUTS_IN_HAND = 4  # each may take that much memory
_PREVIEW_SHARE = 4  # a preview has a quarter of the sides
_SEED_RANGE = 2**32
_TRIES = 3  # as often as a job is run whose worker dies


class SketchEngine:
    """Makes pictures and clips by rules; deterministic in prompt, seed and inputs."""

    name = "sketch"

    def __init__(
        self,
        *,
        processes: int = 1,
        weights: Path | None = None,
        folder: Folder = temporary_folder,
    ) -> None:
        self._limiter = CapacityLimiter(processes)
        self._inputs = CapacityLimiter(_INPUTS_IN_HAND)
        errands = Errands(self._limiter)
        self._clips = ClipMaker(errands, self._inputs, folder=folder)
        self._enhancements = Enhancer(errands, self._inputs, folder=folder, weights=weights)

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Make what the kind of the request's model is for."""
        match request.kind:
            case model.TRAINING:
                return await train(
                    request, io, fetch=_image_at, run=self._in_process, draw=self._drawn
                )
            case "video":
                return await self._clips.run(request, io)
            case "enhance":
                return await self._enhancements.run(request, io)
        return await self._pictures(request, io)

    async def _pictures(self, request: EngineRequest, io: EngineIO) -> Made:
        """Show a small preview, then return the pictures that were asked for."""
        await io.progress(0.0)
        width, height = size_of(request.input)
        count = count_of(request.input)
        prompt = prompt_of(request.input)
        seed = int(number_of(request.input.get("seed"), otherwise=seed_of(prompt)))
        drawing = {
            "prompt": prompt,
            "model": request.model,
            "images": [await self._taken_in(one, io) for one in images_of(request.input)],
            "strength": share_of(request.input),
            "styles": [
                (await self._taken_in(one, io), one.strength) for one in styles_of(request.input)
            ],
            "trained": [
                (await io.style(name), strength) for name, strength in trained_of(request.input)
            ],
        }
        await io.progress(0.1)
        small = (max(16, width // _PREVIEW_SHARE), max(16, height // _PREVIEW_SHARE))
        await io.preview(await self._drawn(drawing, seed, small, io))
        names = []
        for number in range(count):
            await io.progress(0.25 + 0.75 * number / count)
            names.append(await self._drawn(drawing, seed + number, (width, height), io))
        await io.progress(1.0)
        return Made(artifacts=tuple(names))

    async def warm(self) -> None:
        """Start the drawing process, so that the first job need not wait for it."""
        await to_process.run_sync(process.wake, cancellable=True, limiter=self._limiter)

    async def close(self) -> None:
        """Nothing is held: the drawing processes end with the event loop."""

    async def _taken_in(self, one: Input, io: EngineIO) -> bytes:
        """Return an input picture made small, once, so that no large one is held or sent twice."""
        async with self._inputs:
            return await self._in_process(process.take_in, await _image_at(one.url, io))

    async def _drawn(
        self, drawing: Mapping[str, Any], seed: int, size: tuple[int, int], io: EngineIO
    ) -> str:
        asked = msgspec.msgpack.encode(
            {**drawing, "seed": seed % _SEED_RANGE, "width": size[0], "height": size[1]}
        )
        return await io.save(await self._in_process(process.draw, asked), media_type="image/png")

    async def _tried(self, work: Callable[[bytes], bytes], argument: bytes) -> bytes:
        """Run the work, again if its process died under it: it may not have been its fault."""
        for tries_left in reversed(range(_TRIES)):
            try:
                # Cancelling this kills the process: nothing goes on that nobody waits for.
                return await to_process.run_sync(
                    work, argument, cancellable=True, limiter=self._limiter
                )
            except BrokenWorkerProcess as exc:
                if not tries_left:
                    raise EngineError("The process that draws ended unexpectedly.") from exc
        raise AssertionError("the last try returns or raises")

    async def _in_process(self, work: Callable[[bytes], bytes], argument: bytes) -> bytes:
        answer = await self._tried(work, argument)
        if answer[:1] == b"-":
            raise EngineError(answer[1:].decode())
        return answer[1:]


async def _image_at(url: str, io: EngineIO) -> bytes:
    return await fetched(url, io, what="image")
