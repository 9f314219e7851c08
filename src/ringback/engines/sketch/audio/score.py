"""The notes of a piece, and the chords under them. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note, or a hit of a drum, whose pitch is 0."""

    at_s: float
    seconds: float
    pitch: int
    level: float
    instrument: str
    pan: float = 0.0  # from -1, left, to 1, right


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A key: the pitch of its lowest tone, and its seven steps."""

    root: int
    steps: tuple[int, ...]

    def pitch(self, degree: int) -> int:
        """Return the pitch of a degree, counted from 0 over any number of octaves."""
        octave, step = divmod(degree, len(self.steps))
        return self.root + 12 * octave + self.steps[step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the piece: its time, its chord and its share in the form."""

    number: int
    at_s: float
    seconds: float
    beats: int
    degree: int
    section: int  # 0 and 1: two melodies that alternate
    index: int  # within the section
    energy: float  # from 0 to 1: how many parts play
    is_last: bool = False

    @property
    def sixteenth_s(self) -> float:
        """The length of a sixteenth."""
        return self.seconds / (4 * self.beats)

    @property
    def steps(self) -> int:
        """The number of sixteenths in the bar."""
        return 4 * self.beats
