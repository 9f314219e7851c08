"""The sketch engine: it reads requests here and draws in separate processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ringback.catalogue import model
from ringback.concurrency.process_pool import ProcessPool
from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch import process
from ringback.engines.sketch.audio.maker import SoundMaker
from ringback.engines.sketch.enhance.maker import Enhancer
from ringback.engines.sketch.fetching import fetch_to
from ringback.engines.sketch.folders import Folder, temporary_folder
from ringback.engines.sketch.inputs import (
    images_of,
    number_of,
    prompt_of,
    share_of,
    styles_of,
    trained_of,
)
from ringback.engines.sketch.motion.maker import ClipMaker
from ringback.engines.sketch.parameters import count_of, size_of
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.slots import WorkerSlots
from ringback.engines.sketch.subprocess_runner import SubprocessRunner
from ringback.engines.sketch.tasks import ImageTasks
from ringback.engines.sketch.training import train
from ringback.files.media.cost import TIME_S_MAX

_PREVIEW_SHARE = 4  # a preview's sides are a quarter as long


class SketchEngine:
    """Draws images and clips and makes sounds by rules; deterministic in prompt, seed and inputs.

    Inputs are fetched before a slot is taken, and are kept in files: a job holds at most one in
    memory, during its download. The worker limits the number of jobs.
    """

    name = "sketch"

    def __init__(
        self,
        *,
        processes: int = 1,
        weights: Path | None = None,
        folder: Folder = temporary_folder,
        read_s_max: float = TIME_S_MAX,
    ) -> None:
        self._slots = WorkerSlots(processes)
        # The slots bound the processes, so the pool itself never waits.
        self._pool = ProcessPool()
        self._folder = folder
        self._read_s_max = read_s_max
        self._clips = ClipMaker(folder=folder)
        self._sounds = SoundMaker(folder=folder)
        self._enhancements = Enhancer(folder=folder, weights=weights)

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Run the request by the kind of its model."""
        slots = self._slots.for_job(request.workspace_id, io)
        tasks = ImageTasks(slots, io, pool=self._pool, read_s_max=self._read_s_max)
        match request.kind:
            case model.TRAINING:
                return await train(request, io, tasks, folder=self._folder)
            case "video":
                return await self._clips.run(request, io, SubprocessRunner(slots))
            case "audio":
                return await self._sounds.run(request, io, SubprocessRunner(slots))
            case "enhance":
                return await self._enhancements.run(request, io, SubprocessRunner(slots))
        return await self._pictures(request, io, tasks)

    async def _pictures(self, request: EngineRequest, io: EngineIO, tasks: ImageTasks) -> Made:
        """Show a small preview, then return the requested images."""
        width, height = size_of(request.input)
        count = count_of(request.input)
        prompt = prompt_of(request.input)
        seed = int(number_of(request.input.get("seed"), default=seed_of(prompt)))
        spec = {
            "prompt": prompt,
            "model": request.model,
            "strength": share_of(request.input),
            **await self._fetch_inputs(request, io, tasks),
            "trained": [
                (await io.style(name), strength) for name, strength in trained_of(request.input)
            ],
        }
        small = (max(16, width // _PREVIEW_SHARE), max(16, height // _PREVIEW_SHARE))
        await io.preview(await tasks.draw(spec, seed, small))
        names = []
        for number in range(count):
            await io.progress(0.25 + 0.75 * number / count)
            names.append(await tasks.draw(spec, seed + number, (width, height)))
        await io.progress(1.0)
        return Made(artifacts=tuple(names))

    async def warm(self) -> None:
        """Start the drawing process ahead of the first job."""
        await self._pool.run(process.prepare)

    async def close(self) -> None:
        """Do nothing: the drawing processes end with the event loop."""

    async def _fetch_inputs(
        self, request: EngineRequest, io: EngineIO, tasks: ImageTasks
    ) -> dict[str, Any]:
        """Return the input images, shrunk once, so that no large one is sent to a process twice."""
        images, styles = images_of(request.input), styles_of(request.input)
        if not images and not styles:
            return {"images": [], "styles": []}
        small = []
        with self._folder() as folder:
            path = folder / "input"
            for one in (*images, *styles):
                await fetch_to(path, one.url, io, kind="image")
                small.append(await tasks.read(process.shrink_image, path))
        with_strength = zip(small[len(images) :], styles, strict=True)
        return {
            "images": small[: len(images)],
            "styles": [(content, one.strength) for content, one in with_strength],
        }
