"""A melody: two phrases that return, made of tones of the chords and steps between. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ringback.engines.sketch.audio.score import Bar, Note, Scale

# The lengths of a bar's notes in sixteenths, from few to many; negative: a rest.
_RHYTHMS = {
    4: ((16,), (12, -4), (8, 8), (8, 4, 4), (6, 6, 4), (4, 4, 8), (4, 4, 4, 4), (3, 3, 2, 4, 4),
        (4, 2, 2, 4, 4), (2, 2, 4, 2, 2, 4), (2, 2, 2, 2, 4, 4)),
    3: ((12,), (8, 4), (8, -4), (4, 8), (4, 4, 4), (6, 2, 4), (4, 2, 2, 4), (2, 2, 4, 4)),
}  # fmt: skip
_SPAN = (10, 19)  # the lowest and the highest degree, above the key's lowest tone
_CHORD_STEPS = (0, 2, 4)


@dataclass(frozen=True, slots=True)
class _Step:
    """One note of a motif: its start, its length, and how far the line moves to it."""

    at: int
    length: int
    move: int


class Melody:
    """Makes the notes of the lead, bar by bar."""

    def __init__(self, scale: Scale, *, beats: int, density: float, rng: Random) -> None:
        self._scale = scale
        self._rng = rng
        self._beats = beats
        # For each of the two sections a phrase of four bars.
        self._motifs = [[self._motif(density) for _ in range(4)] for _ in range(2)]
        self._degree = 14

    def notes(self, bar: Bar, instrument: str) -> Iterator[Note]:
        """Yield the bar's notes; the melody's line goes on from bar to bar."""
        if bar.is_last:
            degree = self._nearest(self._degree, (0,))
            held = _Step(0, bar.steps, 0)
            yield self._note(bar, held, degree, instrument)
            return
        motif = self._motifs[bar.section][self._which(bar)]
        for step in motif:
            self._degree = self._moved(step, bar)
            yield self._note(bar, step, self._degree, instrument)

    def _which(self, bar: Bar) -> int:
        """Return the motif of a bar: the third of each four repeats the first."""
        index = bar.index % 4
        return index if index != 2 else 0

    def _motif(self, density: float) -> list[_Step]:
        rhythms = _RHYTHMS[self._beats]
        middle = density * (len(rhythms) - 1)
        pick = round(self._rng.triangular(0, len(rhythms) - 1, middle))
        found, at = [], 0
        for length in rhythms[pick]:
            if length > 0:
                move = self._rng.choice((-3, -2, -1, -1, 0, 1, 1, 2, 3))
                found.append(_Step(at, length, move))
            at += abs(length)
        return found

    def _moved(self, step: _Step, bar: Bar) -> int:
        low, high = _SPAN
        moved = self._degree + step.move
        if moved < low or moved > high:
            moved = self._degree - step.move
        if step.at % 8 == 0 or step.length >= 6:
            tones = tuple((bar.degree + one) % 7 for one in _CHORD_STEPS)
            return self._nearest(moved, tones)
        return min(high, max(low, moved))

    def _nearest(self, degree: int, tones: tuple[int, ...]) -> int:
        low, high = _SPAN
        near = [one for one in range(low, high + 1) if one % 7 in tones]
        return min(near, key=lambda one: (abs(one - degree), one))

    def _note(self, bar: Bar, step: _Step, degree: int, instrument: str) -> Note:
        is_strong = step.at % 8 == 0
        return Note(
            at_s=bar.at_s + step.at * bar.sixteenth_s,
            seconds=round(step.length * bar.sixteenth_s * 0.94, 3),
            pitch=self._scale.pitch(degree),
            level=0.62 + 0.12 * is_strong + self._rng.uniform(-0.05, 0.05),
            instrument=instrument,
            pan=0.08,
        )
