"""Enhances pictures: reads the request here, has the work done in another process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from anyio import CapacityLimiter

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.enhance.asked import (
    MEDIA_TYPES,
    factor_of,
    format_of,
    size_of,
    treatment_of,
)
from ringback.engines.sketch.enhance.described import Enhancement
from ringback.engines.sketch.errands import Errands
from ringback.engines.sketch.fetching import fetched
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.inputs import number_of
from ringback.errors import EngineError

_SEED_RANGE = 2**32


class Enhancer:
    """Makes the pictures of the enhance models."""

    def __init__(
        self,
        errands: Errands,
        inputs: CapacityLimiter,
        *,
        folder: Folder,
        weights: Path | None = None,
    ) -> None:
        self._errands = errands
        self._inputs = inputs
        self._folder = folder
        self._weights = None if weights is None else str(weights)

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Show the picture in small, then return it enhanced."""
        await io.progress(0.0)
        asked = request.input
        url = asked.get("image_url")
        if not isinstance(url, str):
            raise EngineError("There is no picture to enhance; name one as image_url.")
        width, height = size_of(asked)
        form = format_of(asked)
        with self._folder() as folder:
            picture, out = folder / "picture", folder / f"enhanced.{form}"
            async with self._inputs:
                content = await fetched(url, io, what="image")
                await asyncio.to_thread(picture.write_bytes, content)
                del content
            described = Enhancement(
                picture=str(picture),
                out=str(out),
                width=width,
                height=height,
                factor=factor_of(asked),
                crops=asked.get("crop_to_fill") is True,
                format=form,
                seed=int(number_of(asked.get("seed"), otherwise=0)) % _SEED_RANGE,
                treatment=treatment_of(asked, model=request.model),
                weights=self._weights,
            )
            await self._errands.send("enhance", described, io)
            name = await io.save(out, media_type=MEDIA_TYPES[form])
        await io.progress(1.0)
        return Made(artifacts=(name,))
