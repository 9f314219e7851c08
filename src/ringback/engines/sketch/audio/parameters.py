"""Reads the parameters of the audio models: the kind of sound, its text and its length. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ringback.engines.sketch.audio.music_words import MUSICAL
from ringback.engines.sketch.audio.recording import Sort
from ringback.engines.sketch.parameters import is_number
from ringback.engines.sketch.reading import READ_CHARACTERS_MAX, words_of

_SECONDS_MIN = 1.0
_SECONDS_MAX = {"speech": 600.0, "music": 600.0, "scene": 60.0}  # a scene needs more memory
_MUSIC_S = 30.0
_SCENE_S = 10.0
_QUOTED = re.compile(r"[\"“„«]([^\"“”«»]{2,})[\"”»]")
_LENGTH = re.compile(
    r"(?<![\w.])(\d{1,4}(?:\.\d{1,3})?)[\s-]*(s|secs?|seconds?|detik|min|mins|minutes?|menit)\b",
    re.IGNORECASE,
)
_SPEECHES = ("tts", "speech", "voice")  # in a model's name
_MUSICS = ("music", "song")
_SPEAKING = {"says", "say", "speech", "speaks", "narrator", "narration", "announcer", "voiceover"}


def sort_of(model: str, prompt: str) -> Sort:
    """Return the sort of sound: by the model's name, or else by the prompt."""
    name = model.rpartition("/")[2]
    if any(name.startswith(one) for one in _SPEECHES):
        return "speech"
    if any(name.startswith(one) for one in _MUSICS):
        return "music"
    words = set(words_of(prompt[:READ_CHARACTERS_MAX]))
    if _QUOTED.search(prompt) or words & _SPEAKING:
        return "speech"
    return "music" if words & MUSICAL else "scene"


def text_of(model: str, prompt: str) -> str:
    """Return the text to speak: the quoted parts of a prompt for any sound, or all of it."""
    name = model.rpartition("/")[2]
    if any(name.startswith(one) for one in _SPEECHES):
        return prompt
    return ". ".join(_QUOTED.findall(prompt)) or prompt


def seconds_of(inputs: Mapping[str, Any], sort: Sort, prompt: str) -> float:
    """Return the length: as requested, or as the prompt says, or the usual one."""
    requested = inputs.get("music_length_ms")
    if is_number(requested):
        return _bounded(float(requested) / 1000, sort)
    if (found := _LENGTH.search(prompt[:READ_CHARACTERS_MAX])) is not None:
        unit_s = 60 if found[2].lower().startswith("m") else 1
        return _bounded(float(found[1]) * unit_s, sort)
    return _MUSIC_S if sort == "music" else _SCENE_S


def _bounded(seconds: float, sort: Sort) -> float:
    return min(_SECONDS_MAX[sort], max(_SECONDS_MIN, seconds))
