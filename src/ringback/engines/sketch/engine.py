"""The sketch engine: reads the request here, has the picture drawn in another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from ringback.engines.contract import EngineIO, EngineRequest
from ringback.engines.sketch import process
from ringback.engines.sketch.asked import count_of, size_of
from ringback.engines.sketch.reading import seed_of
from ringback.errors import EngineError, FetchError

_INPUT_BYTES_MAX = 20 * 1024 * 1024
_INPUTS_MAX = 4
_PREVIEW_SHARE = 4  # a preview has a quarter of the sides
_SEED_RANGE = 2**32


class SketchEngine:
    """Draws pictures from prompts by rules; deterministic in prompt, seed and inputs."""

    name = "sketch"

    def __init__(self, *, processes: int = 1) -> None:
        self._limiter = CapacityLimiter(processes)

    async def run(self, request: EngineRequest, io: EngineIO) -> tuple[str, ...]:
        """Show a small preview, then return the pictures that were asked for."""
        await io.progress(0.0)
        width, height = size_of(request.input)
        count = count_of(request.input)
        drawing = {
            "prompt": str(request.input.get("prompt") or ""),
            "model": request.model,
            **await _inputs(request.input, io),
        }
        seed = _seed(request.input, drawing["prompt"])
        small = (max(16, width // _PREVIEW_SHARE), max(16, height // _PREVIEW_SHARE))
        await io.preview(await self._drawn(drawing, seed, small, io))
        names = []
        for number in range(count):
            await io.progress((number + 0.3) / count)
            names.append(await self._drawn(drawing, seed + number, (width, height), io))
        return tuple(names)

    async def warm(self) -> None:
        """Start the drawing process, so that the first job need not wait for it."""
        await to_process.run_sync(process.wake, cancellable=True, limiter=self._limiter)

    async def close(self) -> None:
        """Nothing is held: the drawing processes end with the event loop."""

    async def _drawn(
        self, drawing: Mapping[str, Any], seed: int, size: tuple[int, int], io: EngineIO
    ) -> str:
        asked = msgspec.msgpack.encode(
            {**drawing, "seed": seed % _SEED_RANGE, "width": size[0], "height": size[1]}
        )
        try:
            # Cancelling this kills the process: nothing goes on that nobody waits for.
            answer = await to_process.run_sync(
                process.draw, asked, cancellable=True, limiter=self._limiter
            )
        except BrokenWorkerProcess as exc:
            raise EngineError("The process that draws ended unexpectedly.") from exc
        if answer[:1] == b"-":
            raise EngineError(answer[1:].decode())
        return await io.save(answer[1:], media_type="image/png")


def _seed(asked: Mapping[str, Any], prompt: str) -> int:
    seed = asked.get("seed")
    return int(seed) if isinstance(seed, int | float) else seed_of(prompt)


async def _inputs(asked: Mapping[str, Any], io: EngineIO) -> dict[str, Any]:
    """Return the bytes of the pictures that a request names, and how much they count."""
    urls = [asked.get("image_url"), *(asked.get("image_urls") or ())]
    images = [await _fetched(url, io) for url in urls[: _INPUTS_MAX + 1] if isinstance(url, str)]
    styles = []
    for name in ("style_images", "image_style_references"):
        for style in (asked.get(name) or ())[:_INPUTS_MAX]:
            if isinstance(style, Mapping) and isinstance(url := style.get("url"), str):
                styles.append((await _fetched(url, io), float(style.get("strength", 0.5))))
    strength = asked.get("strength", 0.5)
    # A model's strength is how far it may leave the input: 1 leaves it a trace.
    share = 1 - 0.75 * min(1.0, max(0.0, float(strength))) if images else 0.5
    return {"images": images[:_INPUTS_MAX], "styles": styles[:_INPUTS_MAX], "strength": share}


async def _fetched(url: str, io: EngineIO) -> bytes:
    try:
        return await io.fetch(url, bytes_max=_INPUT_BYTES_MAX)
    except FetchError as exc:
        shown = url if len(url) <= 80 else f"{url[:77]}..."
        raise EngineError(f"The input image {shown} could not be fetched: {exc.reason}.") from exc
