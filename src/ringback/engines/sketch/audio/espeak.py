"""Speaks by the program espeak-ng, within limits; the text is its standard input.

The program is a separate one, under its own licence (GPL 3): it is run, not imported.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import av
import numpy as np
from av import AudioResampler

from ringback.engines.sketch.audio.voices import Voice
from ringback.engines.sketch.audio.wave import RATE, Mono

_TIME_S_MAX = 30
_MEMORY_BYTES_MAX = 512 << 20
_SOUND_BYTES_MAX = 64 << 20  # twenty minutes of the program's sound
_SPEED_WPM = 160


def speak(program: str, text: str, voice: Voice, *, folder: Path) -> Mono | None:
    """Return the text as the program speaks it, or None if it fails."""
    made = folder / "speech.wav"
    variant = f"+{voice.variant}" if voice.variant else ""
    command = [
        *(program, "--stdin", "--stdout"),
        *("-v", f"{voice.language}{variant}"),
        *("-s", str(round(_SPEED_WPM * voice.speed))),
        *("-p", str(round(50 * voice.pitch))),
    ]
    try:
        with made.open("wb") as output:
            done = subprocess.run(
                command,
                input=_plain(text),
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=_TIME_S_MAX,
                check=False,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                preexec_fn=_limit,  # of a process without other threads
            )
        return _read(made) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, av.error.FFmpegError):
        return None
    finally:
        made.unlink(missing_ok=True)


def _plain(text: str) -> bytes:
    """Return the text without control characters and marks of phonemes."""
    shown = "".join(one if one.isprintable() or one == "\n" else " " for one in text)
    return shown.replace("[[", "[ [").encode("utf-8", "replace")


def _limit() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_TIME_S_MAX, _TIME_S_MAX))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES_MAX, _MEMORY_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_SOUND_BYTES_MAX, _SOUND_BYTES_MAX))


def _read(path: Path) -> Mono | None:
    """Return a WAV as our sound; None if there is none in it."""
    parts = []
    with av.open(str(path), "r", format="wav", options={"protocol_whitelist": "file"}) as source:
        resampler = AudioResampler(format="fltp", layout="mono", rate=RATE)
        for frame in source.decode(audio=0):
            parts += [one.to_ndarray()[0] for one in resampler.resample(frame)]
        parts += [one.to_ndarray()[0] for one in resampler.resample(None)]
    if not parts:
        return None
    return np.asarray(np.nan_to_num(np.concatenate(parts)), dtype=np.float32)
