"""Enhances images: it reads the request here and works in a separate process."""

from __future__ import annotations

from pathlib import Path

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.enhance.enhancement import Enhancement
from ringback.engines.sketch.enhance.parameters import (
    MEDIA_TYPES,
    factor_of,
    format_of,
    size_of,
    treatment_of,
)
from ringback.engines.sketch.fetching import fetch_to
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.inputs import number_of
from ringback.engines.sketch.subprocess_runner import SubprocessRunner
from ringback.errors import EngineError

_SEED_RANGE = 2**32


class Enhancer:
    """Runs the jobs of the enhance models."""

    def __init__(self, *, folder: Folder, weights: Path | None = None) -> None:
        self._folder = folder
        self._weights = None if weights is None else str(weights)

    async def run(self, request: EngineRequest, io: EngineIO, runner: SubprocessRunner) -> Made:
        """Show a small preview, then return the enhanced image."""
        inputs = request.input
        url = inputs.get("image_url")
        if not isinstance(url, str):
            raise EngineError("There is no image to enhance; name one as image_url.")
        width, height = size_of(inputs)
        image_format = format_of(inputs)
        with self._folder() as folder:
            picture, out = folder / "picture", folder / f"enhanced.{image_format}"
            await fetch_to(picture, url, io, kind="image")
            enhancement = Enhancement(
                picture=str(picture),
                out=str(out),
                width=width,
                height=height,
                factor=factor_of(inputs),
                crops=inputs.get("crop_to_fill") is True,
                format=image_format,
                seed=int(number_of(inputs.get("seed"), default=0)) % _SEED_RANGE,
                treatment=treatment_of(inputs, model=request.model),
                weights=self._weights,
            )
            await runner.run("enhance", enhancement, io)
            name = await io.save(out, media_type=MEDIA_TYPES[image_format])
        await io.progress(1.0)
        return Made(artifacts=(name,))
