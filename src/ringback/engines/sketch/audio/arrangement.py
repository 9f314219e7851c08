"""How each style is arranged: harmony, patterns of drums, bass and chords. Data only."""

from __future__ import annotations

from dataclasses import dataclass

# Degrees of the scale, one chord for each bar; a section takes one of these by chance.
MAJOR_CHORDS = ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 0, 4), (0, 2, 3, 4), (3, 4, 0, 5))
MINOR_CHORDS = ((0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 6), (0, 3, 0, 6), (0, 2, 5, 3), (5, 6, 0, 0))
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """The parts of a style; patterns have sixteen steps for a bar of four beats."""

    lead: str
    chords: str
    bass: str = "bass"
    pad: str | None = None
    bass_steps: str = "1..............."  # 1 root, 5 fifth, 8 octave, w walks
    chord_steps: str = "x..............."  # x all tones, a the next one alone
    drums: tuple[tuple[str, str], ...] = ()
    swing: float = 0.0  # of the second of two eighths, a share of it
    has_sevenths: bool = False
    density: float = 0.5  # of the melody


_ARPEGGIO = "a.a.a.a.a.a.a.a."

ARRANGEMENTS = {
    "ambient": Arrangement(lead="harp", chords="pad", pad="strings", density=0.25),
    "lofi": Arrangement(
        lead="bells",
        chords="piano",
        bass_steps="1.....1...5.....",
        chord_steps="x.....x.....x...",
        drums=(
            ("kick", "x......x..x....."),
            ("snare", "....x.......x..."),
            ("hat", "x.x.x.x.x.x.x.x."),
        ),
        swing=0.28,
        has_sevenths=True,
        density=0.4,
    ),
    "pop": Arrangement(
        lead="synth",
        chords="guitar",
        pad="pad",
        bass_steps="1...1...1...1.5.",
        chord_steps="x...x.x...x.x...",
        drums=(
            ("kick", "x.......x.x....."),
            ("snare", "....x.......x..."),
            ("hat", "x.x.x.x.x.x.x.x."),
        ),
    ),
    "rock": Arrangement(
        lead="brass",
        chords="guitar",
        pad="organ",
        bass_steps="1.1.1.1.1.1.1.5.",
        chord_steps="x.x.x.x.x.x.x.x.",
        drums=(
            ("kick", "x.....x.x......."),
            ("snare", "....x.......x..."),
            ("hat", "x.x.x.x.x.x.x.x."),
        ),
        density=0.6,
    ),
    "dance": Arrangement(
        lead="synth",
        chords="synth",
        pad="pad",
        bass="synth_bass",
        bass_steps="..1...1...1...8.",
        chord_steps="x..x..x..x..x.x.",
        drums=(
            ("kick", "x...x...x...x..."),
            ("snare", "....x.......x..."),
            ("open_hat", "..x...x...x...x."),
            ("hat", "x.xxx.xxx.xxx.xx"),
        ),
        density=0.7,
    ),
    "jazz": Arrangement(
        lead="piano",
        chords="piano",
        bass_steps="w...w...w...w...",
        chord_steps="....x.......x...",
        drums=(("brush", "....x.......x..."), ("hat", "x...x.x.x...x.x.")),
        swing=0.33,
        has_sevenths=True,
        density=0.65,
    ),
    "classical": Arrangement(
        lead="piano",
        chords="piano",
        pad="strings",
        bass_steps="1.......5.......",
        chord_steps=_ARPEGGIO,
        density=0.5,
    ),
    "cinematic": Arrangement(
        lead="brass",
        chords="strings",
        pad="pad",
        bass_steps="1.......1.......",
        chord_steps="x.......x.......",
        drums=(("boom", "x.....x.x......."), ("boom", "............x.x.")),
        density=0.35,
    ),
    "folk": Arrangement(
        lead="flute",
        chords="guitar",
        bass_steps="1.......5.......",
        chord_steps="a.axa.a.a.axa.a.",
        drums=(("brush", "....x.......x..."),),
        density=0.55,
    ),
}
LEADS = ("voice", "flute", "brass", "bells", "harp", "synth", "piano", "organ", "strings", "guitar")
ACCOMPANIMENTS = ("guitar", "piano", "harp", "organ", "strings", "synth", "bells")
