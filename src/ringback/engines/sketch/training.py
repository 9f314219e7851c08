"""Training a style: each picture is fetched and studied, then the style is shown in some scenes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch import process
from ringback.errors import EngineError
from ringback.styles.model import Trained

_PREVIEW_SIZE = (384, 512)  # upright, as the public API has them
_SCENES = ("a lake between mountains at dawn", "a city in the evening", "a portrait")
_BYTES_MAX = 1024 * 1024 * 1024  # of all the pictures together
_LEARNING = 0.8  # of the way


class Draw(Protocol):
    """Draws a picture and returns its artifact."""

    def __call__(
        self, drawing: Mapping[str, Any], seed: int, size: tuple[int, int], io: EngineIO
    ) -> Awaitable[str]:
        """Return the artifact of a drawing."""


async def train(
    request: EngineRequest,
    io: EngineIO,
    *,
    fetch: Callable[[str, EngineIO], Awaitable[bytes]],
    run: Callable[[Callable[[bytes], bytes], bytes], Awaitable[bytes]],
    draw: Draw,
) -> Made:
    """Return the style that the request's pictures have in common, and pictures that show it."""
    await io.progress(0.0)
    facts, taken = [], 0
    urls = request.input["urls"]
    for number, url in enumerate(urls):
        content = await fetch(url, io)
        taken += len(content)
        if taken > _BYTES_MAX:
            raise EngineError("The pictures are too large; at most 1 GiB is read of all together.")
        try:
            facts.append(await run(process.study, content))
        except EngineError as exc:
            raise EngineError(f"Picture {number + 1} of {len(urls)}: {exc}") from exc
        await io.progress(_LEARNING * (number + 1) / len(urls))
    learned = await run(process.combine, msgspec.msgpack.encode(facts))
    previews = []
    for seed, scene in enumerate(_SCENES, start=1):
        drawing = {"prompt": scene, "model": request.model, "trained": [(learned, 1.0)]}
        previews.append(await draw(drawing, seed, _PREVIEW_SIZE, io))
        if seed == 1:
            await io.preview(previews[0])
    artifact = await io.save(learned, media_type="application/json")
    await io.progress(1.0)
    return Made(trained=Trained(artifact=artifact, previews=tuple(previews)))
