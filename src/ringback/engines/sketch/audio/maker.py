"""Makes sounds: it reads the request here and works in a separate process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.sketch.audio.parameters import seconds_of, sort_of, text_of
from ringback.engines.sketch.audio.program import find_program
from ringback.engines.sketch.audio.recording import Recording
from ringback.engines.sketch.folders import Folder
from ringback.engines.sketch.inputs import number_of, prompt_of
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.subprocess_runner import SubprocessRunner

MEDIA_TYPE = "audio/mpeg"
_SEED_RANGE = 2**32


class SoundMaker:
    """Runs the jobs of the audio models."""

    def __init__(
        self, *, folder: Folder, find_program: Callable[[], str | None] = find_program
    ) -> None:
        self._folder = folder
        self._find_program = find_program

    async def run(self, request: EngineRequest, io: EngineIO, runner: SubprocessRunner) -> Made:
        """Return the sound; of a speech with a note that says who speaks."""
        with self._folder() as folder:
            recording = recording_of(
                request.input, model=request.model, folder=folder, program=self._find_program()
            )
            await runner.run("sound", recording, io)
            notes = await asyncio.to_thread(_notes, Path(recording.note))
            name = await io.save(Path(recording.out), media_type=MEDIA_TYPE)
        await io.progress(1.0)
        return Made(artifacts=(name,), notes=notes)


def recording_of(
    inputs: Mapping[str, Any], *, model: str, folder: Path, program: str | None
) -> Recording:
    """Return the recording that a request describes."""
    prompt = prompt_of(inputs)
    sort = sort_of(model, prompt)
    voice_id = inputs.get("voice_id")
    return Recording(
        sort=sort,
        text=text_of(model, prompt) if sort == "speech" else prompt,
        prompt=prompt,
        model=model,
        seed=int(number_of(inputs.get("seed"), default=seed_of(prompt))) % _SEED_RANGE,
        seconds=seconds_of(inputs, sort, prompt),
        has_voice=inputs.get("force_instrumental") is not True,
        voice_id=voice_id if isinstance(voice_id, str) else "",
        program=program,
        out=str(folder / "sound.mp3"),
        note=str(folder / "note"),
    )


def _notes(path: Path) -> tuple[str, ...]:
    return (path.read_text(encoding="utf-8"),) if path.exists() else ()
