"""Makes clips: it reads the request here and works in a separate process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.fetching import fetch_to
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.inputs import number_of, prompt_of, trained_of
from ringback.engines.sketch.motion.clip_spec import Clip, ShotSpec
from ringback.engines.sketch.motion.moves import move_of
from ringback.engines.sketch.motion.parameters import ClipInputs, clip_of, inputs_of
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.subprocess_runner import SubprocessRunner

_SEED_RANGE = 2**32
_KINDS = {
    "start_video": "video",
    "end_video": "video",
    "edited": "video",
    "sound": "sound",
}


class ClipMaker:
    """Runs the jobs of the video models."""

    def __init__(self, *, folder: Folder) -> None:
        self._folder = folder

    async def run(self, request: EngineRequest, io: EngineIO, runner: SubprocessRunner) -> Made:
        """Show stills of the clip during the work, then return it."""
        prompt = prompt_of(request.input)
        # An impossible clip is refused before anything is fetched.
        spec = clip_spec(request.input, model=request.model, prompt=prompt)
        with self._folder() as folder:
            out = folder / "clip.mp4"
            files = await self._fetch_inputs(
                inputs_of(request.input, model=request.model), folder, io
            )
            files["trained"] = [
                (await io.style(name), strength) for name, strength in trained_of(request.input)
            ]
            await runner.run("clip", Clip(**spec, **files, out=str(out)), io)
            name = await io.save(out, media_type="video/mp4")
        await io.progress(1.0)
        return Made(artifacts=(name,))

    async def _fetch_inputs(
        self, clip_inputs: ClipInputs, folder: Path, io: EngineIO
    ) -> dict[str, Any]:
        """Fetch the inputs one after another, and return their paths."""
        files: dict[str, Any] = {}
        for field in fields(clip_inputs):
            value = getattr(clip_inputs, field.name)
            if isinstance(value, str):
                kind = _KINDS.get(field.name, "image")
                files[field.name] = await self._fetch(value, folder / field.name, io, kind=kind)
        files["references"] = [
            await self._fetch(url, folder / f"reference-{number}", io, kind="image")
            for number, url in enumerate(clip_inputs.references)
        ]
        return files

    async def _fetch(self, url: str, path: Path, io: EngineIO, *, kind: str) -> str:
        await fetch_to(path, url, io, kind=kind)
        return str(path)


def clip_spec(inputs: Mapping[str, Any], *, model: str, prompt: str) -> dict[str, Any]:
    """Return the fields of the ``Clip`` that a request describes."""
    seed = int(number_of(inputs.get("seed"), default=seed_of(prompt))) % _SEED_RANGE
    clip = clip_of(inputs, model=model, prompt=prompt)
    shots = tuple(
        ShotSpec(
            prompt=shot.prompt,
            frames=shot.frames,
            move=move_of(inputs, shot.prompt, chance=seed + number),
        )
        for number, shot in enumerate(clip.shots)
    )
    return {
        "prompt": prompt,
        "model": model,
        "seed": seed,
        "width": clip.width,
        "height": clip.height,
        "rate": clip.rate,
        "shots": shots,
        "loops": clip.loops,
        "has_sound": clip.has_sound,
        "has_duration": "duration" in inputs,
    }
