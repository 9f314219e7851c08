"""Enhances clips: it reads the request here and works in a separate process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.enhance_video.encodings import ENCODINGS
from ringback.engines.sketch.enhance_video.parameters import (
    encoding_of,
    rate_of,
    sizes_of,
    treatment_of,
)
from ringback.engines.sketch.enhance_video.spec import VideoEnhancement
from ringback.engines.sketch.fetching import fetch_to
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.subprocess_runner import SubprocessRunner

TASK = "enhance-video"


class VideoEnhancer:
    """Runs the jobs of the models that enhance clips."""

    def __init__(self, *, folder: Folder) -> None:
        self._folder = folder

    async def run(self, request: EngineRequest, io: EngineIO, runner: SubprocessRunner) -> Made:
        """Show stills of the clip during the work, then return it."""
        inputs, model = request.input, request.model
        encoding = encoding_of(inputs)
        with self._folder() as folder:
            video = folder / "video"
            out = folder / f"enhanced{ENCODINGS[encoding].suffix}"
            still = folder / "still.jpg"
            await fetch_to(video, str(inputs["video_url"]), io, kind="video")
            fields: dict[str, Any] = sizes_of(inputs, model=model)
            enhancement = VideoEnhancement(
                video=str(video),
                out=str(out),
                still=str(still),
                model=model,
                encoding=encoding,
                treatment=treatment_of(inputs, model=model),
                rate=rate_of(inputs),
                **fields,
            )
            await runner.run(TASK, enhancement, io)
            name = await io.save(out, media_type=ENCODINGS[encoding].media_type)
            shown = await io.save(still, media_type="image/jpeg")
        await io.progress(1.0)
        return Made(artifacts=(name,), still=shown)


def has_clip(inputs: Mapping[str, Any]) -> bool:
    """Return whether a request names a clip to enhance."""
    return isinstance(inputs.get("video_url"), str)
