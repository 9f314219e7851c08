"""Plays notes into one stereo sound. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ringback.engines.sketch.audio.drums import DRUMS, hit
from ringback.engines.sketch.audio.instruments import INSTRUMENTS, tone
from ringback.engines.sketch.audio.reverb import hall
from ringback.engines.sketch.audio.score import Note
from ringback.engines.sketch.audio.wave import Mono, Stereo, fade, samples_in

_REPORT_EVERY = 50  # notes
_DRUM_REVERB = 0.06
_LAST_S = 1.2  # the fade at the end, in which the last chord dies away

Progress = Callable[[float], None]


def play(notes: Sequence[Note], *, seconds: float, progress: Progress) -> Stereo:
    """Return the notes as a sound that is exactly so long."""
    count = max(1, samples_in(seconds))
    sound = np.zeros((2, count), dtype=np.float32)
    sent = np.zeros(count, dtype=np.float32)  # to the hall
    for number, note in enumerate(notes):
        if number % _REPORT_EVERY == 0:
            progress(number / len(notes))
        _add(note, sound, sent)
    sound += hall(sent)
    fade(sound, in_s=0.0, out_s=min(_LAST_S, seconds / 4))
    return sound


def _add(note: Note, sound: Stereo, sent: Mono) -> None:
    start = samples_in(note.at_s)
    if note.instrument in DRUMS:
        wave, reverb = hit(note.instrument), _DRUM_REVERB
    else:
        wave = tone(note.instrument, note.pitch, note.seconds)
        reverb = INSTRUMENTS[note.instrument].reverb
    end = min(sound.shape[1], start + len(wave))
    if end <= start:
        return
    wave = wave[: end - start] * np.float32(note.level)
    # Of equal power wherever it stands.
    angle = (note.pan + 1) * math.pi / 4
    sound[0, start:end] += wave * np.float32(math.cos(angle))
    sound[1, start:end] += wave * np.float32(math.sin(angle))
    sent[start:end] += wave * np.float32(reverb)
