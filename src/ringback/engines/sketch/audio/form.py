"""The form of a piece: how many bars, at which tempo, with which chords. Pure."""

from __future__ import annotations

import math
from random import Random

from ringback.engines.sketch.audio.arrangement import MAJOR_CHORDS, MINOR_CHORDS
from ringback.engines.sketch.audio.brief import Brief
from ringback.engines.sketch.audio.score import Bar

_SECTION_BARS = 8
_FORM = (0, 0, 1, 0)
_TAIL_SHARE = 0.12
_TAIL_S_MAX = 2.5


def bars_of(brief: Brief, *, seconds: float, rng: Random) -> list[Bar]:
    """Return the bars of a piece that is exactly so long; the last one is held to the end.

    A tempo that the prompt names is kept; another is stretched so that whole bars fit.
    """
    tail_s = min(_TAIL_S_MAX, seconds * _TAIL_SHARE)
    bar_s = brief.beats * 60 / brief.bpm
    whole = (seconds - tail_s) / bar_s
    count = max(1, math.floor(whole) if brief.is_exact else round(whole))
    if not brief.is_exact or whole < 1:
        bar_s = (seconds - tail_s) / count
    chords = _chords(brief, rng)
    return [
        Bar(
            number=number,
            at_s=number * bar_s,
            seconds=seconds - number * bar_s if number == count - 1 else bar_s,
            beats=brief.beats,
            degree=0 if number == count - 1 else chords[_section(number)][number % 4],
            section=_section(number),
            index=number % _SECTION_BARS,
            energy=_energy(number, count),
            is_last=number == count - 1,
        )
        for number in range(count)
    ]


def _section(number: int) -> int:
    return _FORM[number // _SECTION_BARS % len(_FORM)]


def _chords(brief: Brief, rng: Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    known = MINOR_CHORDS if brief.is_minor else MAJOR_CHORDS
    first, second = rng.sample(known, 2)
    return first, second


def _energy(number: int, count: int) -> float:
    """Return how full a bar is: a long piece begins thinly, grows, and thins out at its end."""
    if count < 8:
        return 0.8
    begun = min(1.0, 0.35 + number / 6)
    left = min(1.0, 0.5 + (count - 1 - number) / 3)
    # A quiet section between the loud ones, as songs have it.
    is_bridge = _section(number) == 1 and number // _SECTION_BARS % 8 == 6
    return min(begun, left) * (0.6 if is_bridge else 1.0)
