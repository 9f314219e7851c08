"""Music: prompts read into briefs, and briefs composed into notes."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.engines.sketch.audio.arrangement import (
    ACCOMPANIMENTS,
    ARRANGEMENTS,
    LEADS,
    MINOR_SCALE,
)
from ringback.engines.sketch.audio.brief import Brief, read_brief
from ringback.engines.sketch.audio.composition import compose
from ringback.engines.sketch.audio.drums import DRUMS, hit
from ringback.engines.sketch.audio.form import bars_of
from ringback.engines.sketch.audio.instruments import INSTRUMENTS, frequency_of, tone
from ringback.engines.sketch.audio.music_words import INSTRUMENTS as INSTRUMENT_WORDS
from ringback.engines.sketch.audio.music_words import STYLES
from ringback.engines.sketch.audio.playing import play
from ringback.engines.sketch.audio.score import Note
from ringback.engines.sketch.audio.wave import RATE
from tests.sounds import quietest_db, seconds_of


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a sad piano piece in D minor", {"mood": "sad", "root": 2, "is_minor": True}),
        ("E-flat major fanfare", {"root": 3, "is_minor": False}),
        ("something in F# minor", {"root": 6, "is_minor": True}),
        ("Bb major swing", {"root": 10, "is_minor": False, "style": "jazz"}),
        ("a happy tune", {"mood": "happy", "is_minor": False, "root": None}),
        ("dark ambient in a minor key", {"is_minor": True, "root": None, "style": "ambient"}),
        ("techno, 128 bpm", {"style": "dance", "bpm": 128.0, "is_exact": True}),
        ("9000 bpm gabber", {"is_exact": False}),
        ("999 BPM", {"bpm": 220.0}),
        ("allegro for strings", {"bpm": 132.0, "is_exact": False, "instruments": ("strings",)}),
        ("musik sedih dengan gitar", {"mood": "sad", "instruments": ("guitar",)}),
        ("a waltz", {"beats": 3, "style": "classical"}),
        ("bossa nova without vocals", {"style": "jazz", "has_voice": False}),
        ("rock, no drums", {"style": "rock", "has_drums": False}),
        ("lo fi hip hop", {"style": "lofi"}),
        ("", {"style": "pop", "mood": "calm", "has_drums": True, "has_voice": True}),
    ],
)
def test_a_prompt_is_read(prompt: str, expected: dict[str, Any]) -> None:
    found = read_brief(prompt)
    assert {name: getattr(found, name) for name in expected} == expected


@given(st.text(max_size=300))
def test_every_text_is_read(prompt: str) -> None:
    assert 40 <= read_brief(prompt).bpm <= 220


def test_every_word_leads_to_something_that_is_there() -> None:
    assert set(STYLES.values()) == set(ARRANGEMENTS)
    assert set(INSTRUMENT_WORDS.values()) <= set(LEADS) | {"voice"}
    played = {
        name
        for one in ARRANGEMENTS.values()
        for name in (one.lead, one.chords, one.bass, one.pad)
        if name
    }
    assert played | {*LEADS, *ACCOMPANIMENTS} <= set(INSTRUMENTS)
    assert {name for one in ARRANGEMENTS.values() for name, _ in one.drums} <= set(DRUMS)


@pytest.mark.parametrize("style", sorted(ARRANGEMENTS))
@pytest.mark.parametrize("seconds", [3.0, 21.7])
def test_a_piece_of_every_style_keeps_its_key_and_its_length(style: str, seconds: float) -> None:
    brief = Brief(style=style, root=2, is_minor=True, bpm=100)
    notes = compose(brief, seconds=seconds, has_voice=True, rng=Random(5))
    key = {(2 + step) % 12 for step in MINOR_SCALE}
    assert {note.pitch % 12 for note in notes if note.instrument not in DRUMS} <= key
    assert all(0 <= note.at_s < seconds for note in notes)
    assert max(note.at_s + note.seconds for note in notes) > seconds - 1.0
    assert "voice" in {note.instrument for note in notes}


def test_a_named_tempo_is_kept_and_another_fills_the_length_with_whole_bars() -> None:
    exact = bars_of(Brief(bpm=100, is_exact=True), seconds=20, rng=Random(1))
    assert {bar.seconds for bar in exact[:-1]} == {2.4}
    free = bars_of(Brief(bpm=100), seconds=20, rng=Random(1))
    assert free[-1].at_s + free[0].seconds == pytest.approx(20 - 2.4, abs=0.2)
    assert free[-1].at_s + free[-1].seconds == pytest.approx(20)
    assert free[-1].degree == 0


def test_the_same_chance_makes_the_same_piece_and_another_a_different_one() -> None:
    one, same, other = (
        compose(Brief(), seconds=12, has_voice=False, rng=Random(seed)) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_without_a_voice_none_is_heard() -> None:
    notes = compose(Brief(), seconds=12, has_voice=False, rng=Random(1))
    assert "voice" not in {note.instrument for note in notes}


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_an_instrument_plays_its_pitch_from_silence_to_silence(name: str) -> None:
    wave = tone(name, 69, 0.8)
    assert np.abs(wave[[0, -1]]).max() < 0.01
    assert np.isfinite(wave).all()
    spectrum = np.abs(np.fft.rfft(wave))
    frequencies = np.fft.rfftfreq(len(wave), 1 / RATE)
    loudest = float(frequencies[spectrum.argmax()])
    assert min(abs(loudest / (440 * factor) - 1) for factor in (0.5, 1, 2)) < 0.02


def test_pitches_are_those_of_a_piano() -> None:
    assert frequency_of(69) == 440
    assert frequency_of(60) == pytest.approx(261.63, abs=0.01)


@pytest.mark.parametrize("name", DRUMS)
def test_a_drum_begins_and_ends_in_silence(name: str) -> None:
    assert np.abs(hit(name)[[0, -1]]).max() < 0.01


def test_a_note_beyond_the_end_is_cut_and_one_after_it_is_left_out() -> None:
    note = Note(at_s=0.5, seconds=3, pitch=60, level=1, instrument="piano")
    late = Note(at_s=2.5, seconds=3, pitch=60, level=1, instrument="piano")
    fractions: list[float] = []
    sound = play([note, late], seconds=1.0, progress=fractions.append)
    assert seconds_of(sound) == 1.0
    assert fractions == [0.0]


@pytest.mark.parametrize("style", sorted(ARRANGEMENTS))
def test_no_style_falls_silent(style: str) -> None:
    brief = Brief(style=style, bpm=80)
    notes = compose(brief, seconds=16, has_voice=False, rng=Random(11))
    sound = play(notes, seconds=16, progress=lambda _: None)
    peak_db = 20 * np.log10(np.abs(sound).max())
    assert quietest_db(sound[:, : -RATE // 2]) > peak_db - 50
