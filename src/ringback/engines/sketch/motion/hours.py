"""The times of day of a clip: one, or the first and the last of a transition."""

from __future__ import annotations

from ringback.engines.sketch.reading import READ_CHARACTERS_MAX, words_of
from ringback.engines.sketch.words import TIMES

_LAPSE = {"timelapse", "time_lapse", "hyperlapse", "nightfall", "hours_pass", "time_passes"}
_NEXT = {"dawn": "day", "day": "night", "sunset": "night", "dusk": "night", "night": "dawn"}


def hours_of(prompt: str, *, first: str) -> tuple[str, str]:
    """Return the times of day at which a clip begins and ends, often the same.

    A prompt with two times of day means a transition between them; a time lapse goes on to the
    next.
    """
    words = words_of(prompt[:READ_CHARACTERS_MAX], pairs=_LAPSE)
    named = list(dict.fromkeys(TIMES[word] for word in words if word in TIMES))
    if len(named) > 1:
        return named[0], named[1]
    if _LAPSE.intersection(words):
        return first, _NEXT[first]
    return first, first
