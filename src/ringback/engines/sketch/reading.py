"""Reads a prompt: its scene, time of day, weather, season, mood and colours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from ringback.engines.sketch.words import (
    COLOURS,
    FAINT_KINDS,
    KINDS,
    MOODS,
    SEASONS,
    TIMES,
    WEATHERS,
)

READ_CHARACTERS_MAX = 4_000  # the rest of a prompt is not read
_WORDS = re.compile(r"[^\W\d_]+")

_PAIRS = {
    word
    for meanings in (KINDS, FAINT_KINDS, TIMES, WEATHERS, SEASONS, MOODS, COLOURS)
    for word in meanings
    if "_" in word
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The scene of an image, as far as the prompt describes it."""

    kind: str = "portrait"
    time: str = "day"
    weather: str = "clear"
    season: str = "summer"
    mood: str = "calm"
    colours: tuple[tuple[float, float, float], ...] = ()


def read(prompt: str) -> Scene:
    """Return the scene of the prompt; of two words for one property the first counts."""
    words = words_of(prompt[:READ_CHARACTERS_MAX])
    weather = _first(words, WEATHERS)
    season = _first(words, SEASONS)
    kind = _first(words, KINDS) or _first(words, FAINT_KINDS) or "portrait"
    return Scene(
        kind=kind,
        time=_first(words, TIMES) or ("night" if kind == "space" else "day"),
        # Winter has snow unless the prompt names other weather.
        weather=weather or ("cloudy" if season == "winter" else "clear"),
        season=season or ("winter" if weather == "snow" else "summer"),
        mood=_first(words, MOODS) or "calm",
        colours=tuple(dict.fromkeys(COLOURS[word] for word in words if word in COLOURS))[:3],
    )


def seed_of(prompt: str) -> int:
    """Return the default seed of a prompt: 32 bits of its digest."""
    return int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:4])


def words_of(text: str, *, pairs: Collection[str] = ()) -> list[str]:
    """Return every word in order, each after the pair that it forms with the next.

    A word used by a known pair does not count alone.
    """
    known = _PAIRS.union(pairs)
    words = [word.casefold() for word in _WORDS.findall(text)]
    found: list[str] = []
    is_used = False
    for word, following in zip(words, [*words, ""][1:], strict=True):
        pair = f"{word}_{following}"
        if pair in known:
            found.append(pair)
        elif not is_used:
            found.append(word)
        is_used = pair in known
    return found


def _first(words: list[str], meanings: dict[str, str]) -> str | None:
    return next((meanings[word] for word in words if word in meanings), None)
