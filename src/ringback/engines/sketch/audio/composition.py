"""Composes a piece of a brief: melody, chords, bass and drums. Pure; chance is handed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from ringback.engines.sketch.audio.arrangement import (
    ACCOMPANIMENTS,
    ARRANGEMENTS,
    LEADS,
    MAJOR_SCALE,
    MINOR_SCALE,
    Arrangement,
)
from ringback.engines.sketch.audio.brief import Brief
from ringback.engines.sketch.audio.form import bars_of
from ringback.engines.sketch.audio.melody import Melody
from ringback.engines.sketch.audio.score import Bar, Note, Scale

_LOWEST_ROOT = 43  # the lowest tone of a key is one of the twelve from this G on
_BASS_PITCH = 40  # the highest of the bass, which has an octave
_CHORD_PITCH = 60
_HUMAN_S = 0.006
_DRUM_LEVELS = {"kick": 0.85, "boom": 0.8, "snare": 0.5, "brush": 0.4, "hat": 0.2, "open_hat": 0.2}
_DRUM_PANS = {"hat": 0.3, "open_hat": 0.3, "snare": -0.08, "brush": -0.15}


def compose(brief: Brief, *, seconds: float, has_voice: bool, rng: Random) -> list[Note]:
    """Return the notes of a piece that is exactly so long."""
    root = rng.randrange(12) if brief.root is None else brief.root
    lowest = _LOWEST_ROOT + (root - _LOWEST_ROOT) % 12
    scale = Scale(root=lowest - 12, steps=MINOR_SCALE if brief.is_minor else MAJOR_SCALE)
    piece = _Piece(brief, _arranged(brief), scale, has_voice=has_voice, rng=rng)
    bars = bars_of(brief, seconds=seconds, rng=rng)
    notes = [note for bar in bars for note in piece.notes(bar)]
    return sorted(notes, key=lambda one: (one.at_s, one.instrument, one.pitch))


def _arranged(brief: Brief) -> Arrangement:
    """Return the style's arrangement, for the instruments that the prompt names."""
    found = ARRANGEMENTS[brief.style]
    named = [one for one in brief.instruments if one != "voice"]
    if leads := [one for one in LEADS if one in named]:
        found = replace(found, lead=leads[0])
    if chords := [one for one in ACCOMPANIMENTS if one in named]:
        found = replace(found, chords=chords[-1])
        if named == ["piano"]:  # a prompt with a piano alone means it alone
            found = replace(found, pad=None)
    if not brief.has_drums:
        found = replace(found, drums=())
    return found


class _Piece:
    def __init__(
        self,
        brief: Brief,
        arrangement: Arrangement,
        scale: Scale,
        *,
        has_voice: bool,
        rng: Random,
    ) -> None:
        self._arrangement = arrangement
        self._scale = scale
        self._has_voice = has_voice
        self._rng = rng
        self._melody = Melody(scale, beats=brief.beats, density=arrangement.density, rng=rng)
        self._sounding: list[int] = []

    def notes(self, bar: Bar) -> Iterator[Note]:
        """Yield the notes of every part in one bar."""
        yield from self._lead(bar)
        chord = self._voiced(bar.degree)
        yield from self._chords(bar, chord)
        yield from self._pad(bar, chord)
        yield from self._bass(bar)
        if self._arrangement.drums and bar.energy > 0.55:
            yield from self._drums(bar)

    def _lead(self, bar: Bar) -> Iterator[Note]:
        for note in self._melody.notes(bar, self._arrangement.lead):
            if not self._has_voice:
                yield self._human(note)
                continue
            yield self._human(replace(note, instrument="voice", level=note.level * 1.1, pan=0.0))
            # The instrument plays along softly, at another side.
            yield self._human(replace(note, level=note.level * 0.3, pan=-0.25))

    def _voiced(self, degree: int) -> list[int]:
        """Return the chord's pitches, each as near as can be to the chord before."""
        count = 4 if self._arrangement.has_sevenths else 3
        pitches = [self._scale.pitch(degree + 2 * number) for number in range(count)]
        centre = sum(self._sounding) / len(self._sounding) if self._sounding else _CHORD_PITCH
        centre = min(_CHORD_PITCH + 3, max(_CHORD_PITCH - 3, centre))
        near = sorted({round((centre - one) / 12) * 12 + one for one in pitches})
        self._sounding = near
        return near

    def _chords(self, bar: Bar, chord: list[int]) -> Iterator[Note]:
        steps = "x" if bar.is_last else self._arrangement.chord_steps
        played = [(at, sign) for at, sign in enumerate(steps[: bar.steps]) if sign != "."]
        for number, (at, sign) in enumerate(played):
            end = played[number + 1][0] if number + 1 < len(played) else bar.steps
            # An arpeggio's tones ring into each other.
            length = end - at if sign == "x" else min(bar.steps - at, 6)
            tones = chord if sign == "x" else [[*chord, chord[0] + 12][number % (len(chord) + 1)]]
            for index, pitch in enumerate(tones):
                yield self._human(
                    Note(
                        at_s=bar.at_s + self._swung(at) * bar.sixteenth_s + 0.012 * index,
                        seconds=round(max(0.08, length * bar.sixteenth_s), 3),
                        pitch=pitch,
                        level=(0.34 if sign == "x" else 0.42) * (0.7 + 0.3 * bar.energy),
                        instrument=self._arrangement.chords,
                        pan=-0.3 + 0.12 * index,
                    )
                )

    def _pad(self, bar: Bar, chord: list[int]) -> Iterator[Note]:
        if self._arrangement.pad is None:
            return
        for index, pitch in enumerate(chord):
            yield Note(
                at_s=bar.at_s,
                seconds=round(bar.seconds, 3),
                pitch=pitch,
                level=0.17,
                instrument=self._arrangement.pad,
                pan=0.45 - 0.3 * index,
            )

    def _bass(self, bar: Bar) -> Iterator[Note]:
        steps = "1" if bar.is_last else self._arrangement.bass_steps
        played = [(at, sign) for at, sign in enumerate(steps[: bar.steps]) if sign != "."]
        for number, (at, sign) in enumerate(played):
            end = played[number + 1][0] if number + 1 < len(played) else bar.steps
            step = {"5": 4, "w": (0, 2, 4, 2, 5, 6)[number % 6]}.get(sign, 0)
            pitch = self._scale.pitch(bar.degree + step)
            pitch = _BASS_PITCH - (_BASS_PITCH - pitch) % 12
            yield self._human(
                Note(
                    at_s=bar.at_s + self._swung(at) * bar.sixteenth_s,
                    seconds=round(max(0.1, (end - at) * bar.sixteenth_s * 0.92), 3),
                    pitch=pitch + (12 if sign == "8" else 0),
                    level=0.62,
                    instrument=self._arrangement.bass,
                )
            )

    def _drums(self, bar: Bar) -> Iterator[Note]:
        is_fill = bar.index == 7
        for name, steps in self._arrangement.drums:
            pattern = "x" if bar.is_last else steps[: bar.steps]
            if is_fill and name == "snare":
                pattern = pattern[: bar.steps - 4] + "x.xx"
            for at, sign in enumerate(pattern):
                if sign != "x":
                    continue
                accent = 1.0 if at % 4 == 0 else 0.72
                yield self._human(
                    Note(
                        at_s=bar.at_s + self._swung(at) * bar.sixteenth_s,
                        seconds=0.1,
                        pitch=0,
                        level=_DRUM_LEVELS[name] * accent * self._rng.uniform(0.88, 1.0),
                        instrument=name,
                        pan=_DRUM_PANS.get(name, 0.0),
                    )
                )

    def _swung(self, at: int) -> float:
        """Return the position of a sixteenth; eighths off the beat are late by the swing."""
        return at + 2 * self._arrangement.swing if at % 4 == 2 else float(at)

    def _human(self, note: Note) -> Note:
        """Return a note a few milliseconds off, as people play it."""
        return replace(note, at_s=max(0.0, note.at_s + self._rng.uniform(0, _HUMAN_S)))
