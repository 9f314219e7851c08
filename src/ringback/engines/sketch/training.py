"""Trains a style: it studies each input image, then draws previews in the style."""

from __future__ import annotations

import msgspec

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch import process
from ringback.engines.sketch.fetching import fetch_to
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.tasks import ImageTasks
from ringback.errors import EngineError
from ringback.styles.model import Trained

_PREVIEW_SIZE = (384, 512)  # portrait format, as in the public API
_SCENES = ("a lake between mountains at dawn", "a city in the evening", "a portrait")
_BYTES_MAX = 1024 * 1024 * 1024  # of all images together
_LEARNING = 0.8  # share of the progress


async def train(request: EngineRequest, io: EngineIO, tasks: ImageTasks, *, folder: Folder) -> Made:
    """Return the common style of the request's images, with previews."""
    features, bytes_read = [], 0
    urls = request.input["urls"]
    with folder() as directory:
        path = directory / "picture"
        for number, url in enumerate(urls):
            bytes_read += await fetch_to(path, url, io, kind="image")
            if bytes_read > _BYTES_MAX:
                raise EngineError("The images are too large; at most 1 GiB is read in total.")
            try:
                features.append(await tasks.read(process.study, path))
            except EngineError as exc:
                raise EngineError(f"Image {number + 1} of {len(urls)}: {exc}") from exc
            await io.progress(_LEARNING * (number + 1) / len(urls))
    features_file = await tasks.run(process.combine, msgspec.msgpack.encode(features))
    previews = []
    for seed, scene in enumerate(_SCENES, start=1):
        spec = {"prompt": scene, "model": request.model, "trained": [(features_file, 1.0)]}
        previews.append(await tasks.draw(spec, seed, _PREVIEW_SIZE))
        if seed == 1:
            await io.preview(previews[0])
    artifact = await io.save(features_file, media_type="application/json")
    await io.progress(1.0)
    return Made(trained=Trained(artifact=artifact, previews=tuple(previews)))
