"""Makes one recording; deterministic in its arguments. Runs in its own process."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np

from ringback.engines.sketch.audio import espeak, formant_voice, scenery
from ringback.engines.sketch.audio.brief import read_brief
from ringback.engines.sketch.audio.composition import compose
from ringback.engines.sketch.audio.mastering import master
from ringback.engines.sketch.audio.mp3 import write_mp3
from ringback.engines.sketch.audio.playing import play
from ringback.engines.sketch.audio.recording import Recording
from ringback.engines.sketch.audio.voices import voice_of
from ringback.engines.sketch.audio.wave import Mono, Stereo, samples_in
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.subprocess_task import ProgressReporter
from ringback.errors import EngineError

_MADE_SHARE = 0.7  # of the progress; mastering and encoding take the rest
_PROMPT_CHARACTERS_MAX = 1_000
_SPEECH_S_MAX = 900.0
_PAUSE_S = 0.12  # of silence before and after a speech


def make(recording: Recording, reporter: ProgressReporter) -> None:
    """Write the recording to its output path, or raise ``EngineError``."""

    def progress(fraction: float) -> None:
        reporter.progress(_MADE_SHARE * fraction)

    about = "Sound"
    match recording.sort:
        case "speech":
            sound, about = _speech(recording, progress)
            Path(recording.note).write_text(f"{about}.", encoding="utf-8")
        case "music":
            about, sound = "Music", _music(recording, progress)
        case _:
            sound = scenery.sound_of_scene(
                recording.text, seconds=recording.seconds, chance=_chance(recording)
            )
    reporter.progress(_MADE_SHARE)
    sound = master(sound)
    reporter.progress(0.8)
    write_mp3(Path(recording.out), sound, _metadata(recording, about, sound))


def _speech(recording: Recording, progress: formant_voice.Progress) -> tuple[Stereo, str]:
    """Return the speech, and a sentence of who speaks."""
    voice = voice_of(recording.voice_id, recording.text)
    mono = None
    about = "The voice is espeak-ng, not the model"
    if recording.program is not None:
        folder = Path(recording.out).parent
        mono = espeak.speak(recording.program, recording.text, voice, folder=folder)
    if mono is None:
        about = (
            "The voice is Ringback's own simple one, not the model; "
            "install espeak-ng for a clearer one"
        )
        rng = np.random.default_rng((*_chance(recording), 7))
        mono = formant_voice.speak(recording.text, voice, rng=rng, progress=progress)
    if not len(mono) or not np.any(mono):
        raise EngineError("The text has no words to speak; write some.")
    return _stereo(mono[: samples_in(_SPEECH_S_MAX)]), about


def _music(recording: Recording, progress: formant_voice.Progress) -> Stereo:
    brief = read_brief(recording.text)
    notes = compose(
        brief,
        seconds=recording.seconds,
        has_voice=recording.has_voice and brief.has_voice,
        rng=Random(repr(_chance(recording))),
    )
    return play(notes, seconds=recording.seconds, progress=progress)


def _stereo(mono: Mono) -> Stereo:
    pause = samples_in(_PAUSE_S)
    return np.tile(np.pad(mono, pause), (2, 1)).astype(np.float32)


def _chance(recording: Recording) -> tuple[int, int]:
    return recording.seed, seed_of(recording.prompt)


def _metadata(recording: Recording, about: str, sound: Stereo) -> dict[str, str]:
    """Return the file's metadata, so that nobody mistakes it for a model's result."""
    prompt = recording.prompt[:_PROMPT_CHARACTERS_MAX].replace("\0", "")
    return {
        "TLEN": str(round(sound.shape[1] / samples_in(1) * 1000)),
        "software": f"Ringback's sketch engine for {recording.model}",
        "about": about,
        "seed": str(recording.seed),
        "description": prompt,
    }
