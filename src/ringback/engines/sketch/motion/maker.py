"""Makes clips: reads the request here, has the clip made in another process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.errands import Errands
from ringback.engines.sketch.fetching import fetched
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.inputs import number_of, prompt_of, trained_of
from ringback.engines.sketch.motion.asked import Given, clip_of, given_of
from ringback.engines.sketch.motion.clipped import Clip, Shown
from ringback.engines.sketch.motion.moves import move_of
from ringback.engines.sketch.reading import seed_of

_SEED_RANGE = 2**32
_WHAT = {
    "start_video": "video",
    "end_video": "video",
    "edited": "video",
    "sound": "sound",
}


class ClipMaker:
    """Makes the clips of the video models."""

    def __init__(self, errands: Errands, inputs: CapacityLimiter, *, folder: Folder) -> None:
        self._errands = errands
        self._inputs = inputs
        self._folder = folder

    async def run(self, request: EngineRequest, io: EngineIO) -> Made:
        """Show stills of the clip while it is made, then return the clip."""
        await io.progress(0.0)
        prompt = prompt_of(request.input)
        # A clip that cannot be made is refused before anything is fetched.
        described = described_by(request.input, model=request.model, prompt=prompt)
        with self._folder() as folder:
            out = folder / "clip.mp4"
            files = await self._taken_in(given_of(request.input), folder, io)
            files["trained"] = [
                (await io.style(name), strength) for name, strength in trained_of(request.input)
            ]
            await self._errands.send("clip", Clip(**described, **files, out=str(out)), io)
            name = await io.save(out, media_type="video/mp4")
        await io.progress(1.0)
        return Made(artifacts=(name,))

    async def _taken_in(self, given: Given, folder: Path, io: EngineIO) -> dict[str, Any]:
        """Return where each input lies after it was fetched, one after another."""
        files: dict[str, Any] = {}
        for field in fields(given):
            value = getattr(given, field.name)
            if isinstance(value, str):
                what = _WHAT.get(field.name, "image")
                files[field.name] = await self._kept(value, folder / field.name, io, what=what)
        files["references"] = [
            await self._kept(url, folder / f"reference-{number}", io, what="image")
            for number, url in enumerate(given.references)
        ]
        return files

    async def _kept(self, url: str, path: Path, io: EngineIO, *, what: str) -> str:
        async with self._inputs:
            content = await fetched(url, io, what=what)
            await asyncio.to_thread(path.write_bytes, content)
        return str(path)


def described_by(asked: Mapping[str, Any], *, model: str, prompt: str) -> dict[str, Any]:
    """Return the clip that a body asks for, as the process that makes it is told."""
    seed = int(number_of(asked.get("seed"), otherwise=seed_of(prompt))) % _SEED_RANGE
    clip = clip_of(asked, model=model, prompt=prompt)
    shots = tuple(
        Shown(
            prompt=shot.prompt,
            frames=shot.frames,
            move=move_of(asked, shot.prompt, chance=seed + number),
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
        "has_duration": "duration" in asked,
    }
