"""Reads a prompt for music: its style, mood, key, tempo and instruments. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ringback.engines.sketch.audio.music_words import (
    DRUMLESS,
    INSTRUMENTAL,
    INSTRUMENTS,
    MOODS,
    PAIRS,
    STYLES,
    TEMPOS,
    WALTZ,
)
from ringback.engines.sketch.reading import READ_CHARACTERS_MAX, words_of

_BPM = re.compile(r"(?<![\w.])(\d{2,3})(?:\.\d+)?\s*(?:bpm|beats per minute)\b", re.IGNORECASE)
_KEY = re.compile(
    r"\b([A-Ga-g])(?:\s*(#|♯|sharp\b|b(?=\s)|♭|[- ]?flat\b))?\s*[- ]?(major|minor|maj\b|min\b)"
    # "in a minor key" names no tone.
    r"(?!\s+(?:key|mode|scale|mood|tone))",
)
_TONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_BPM_LEAST, _BPM_MOST = 40, 220

_STYLE_OF_MOOD = {
    "calm": "ambient",
    "happy": "pop",
    "sad": "classical",
    "dark": "cinematic",
    "dreamy": "ambient",
    "dramatic": "cinematic",
    "lively": "dance",
}
_BPM_OF_STYLE = {
    "ambient": 66,
    "lofi": 78,
    "pop": 108,
    "rock": 124,
    "dance": 126,
    "jazz": 116,
    "classical": 88,
    "cinematic": 92,
    "folk": 104,
}
_BPM_OF_MOOD = {"calm": 0.9, "sad": 0.8, "dark": 0.92, "dreamy": 0.92, "happy": 1.1, "lively": 1.2}
_MINOR_MOODS = ("sad", "dark", "dramatic")
_MINOR_STYLES = ("lofi", "cinematic", "dance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The music that a prompt asks for."""

    style: str = "pop"
    mood: str = "calm"
    root: int | None = None  # semitones above C; None: free
    is_minor: bool = False
    bpm: float = 100.0
    is_exact: bool = False  # the prompt names the tempo
    beats: int = 4  # in a bar
    instruments: tuple[str, ...] = ()  # in the prompt's order
    has_drums: bool = True
    has_voice: bool = True


def read_brief(prompt: str) -> Brief:
    """Return the music of the prompt; of two words for one property the first counts."""
    text = prompt[:READ_CHARACTERS_MAX]
    words = words_of(text, pairs=PAIRS)
    mood = _first(words, MOODS)
    style = _first(words, STYLES) or _STYLE_OF_MOOD.get(mood or "", "pop")
    root, is_minor = _key(text)
    if is_minor is None:
        is_minor = mood in _MINOR_MOODS or (mood is None and style in _MINOR_STYLES)
    bpm, is_exact = _tempo(text, words, style, mood)
    return Brief(
        style=style,
        mood=mood or "calm",
        root=root,
        is_minor=is_minor,
        bpm=bpm,
        is_exact=is_exact,
        beats=3 if WALTZ.intersection(words) else 4,
        instruments=tuple(
            dict.fromkeys(INSTRUMENTS[word] for word in words if word in INSTRUMENTS)
        ),
        has_drums=not DRUMLESS.intersection(words),
        has_voice=not INSTRUMENTAL.intersection(words),
    )


def _key(text: str) -> tuple[int | None, bool | None]:
    """Return the root and the mode that a text names, such as "D minor" or "E-flat major"."""
    found = _KEY.search(text)
    if found is None:
        lower = f" {text.lower()} "
        if " minor " in lower or " major " in lower:
            return None, " minor " in lower
        return None, None
    sign = found[2] or ""
    shift = 1 if sign in ("#", "♯", "sharp") else -1 if sign else 0
    return (_TONES[found[1].lower()] + shift) % 12, found[3].startswith("min")


def _tempo(text: str, words: list[str], style: str, mood: str | None) -> tuple[float, bool]:
    if (found := _BPM.search(text)) is not None:
        return float(min(_BPM_MOST, max(_BPM_LEAST, int(found[1])))), True
    for word in words:
        if word in TEMPOS:
            return float(TEMPOS[word]), False
    return _BPM_OF_STYLE[style] * _BPM_OF_MOOD.get(mood or "", 1.0), False


def _first(words: list[str], meanings: Mapping[str, str]) -> str | None:
    return next((meanings[word] for word in words if word in meanings), None)
