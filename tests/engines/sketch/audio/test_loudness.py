"""Loudness by ITU-R BS.1770, against the values that the EBU gives for meters (Tech 3341)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ringback.engines.sketch.audio.loudness import loudness, true_peak_db
from ringback.engines.sketch.audio.mastering import TARGET_LUFS, master
from ringback.engines.sketch.audio.wave import RATE, Stereo, samples_in
from tests.sounds import seconds_of


def sine(level_db: float, seconds: float, *, hz: float = 1_000, ears: int = 2) -> Stereo:
    time = np.arange(samples_in(seconds)) / RATE
    wave = (10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time)).astype(np.float32)
    return np.stack([wave, wave if ears == 2 else np.zeros_like(wave)])


def joined(*parts: tuple[float, float]) -> Stereo:
    return np.concatenate([sine(level, seconds) for level, seconds in parts], axis=1)


@pytest.mark.parametrize(
    ("sound", "lufs"),
    [
        (sine(0, 5, hz=997, ears=1), -3.01),
        (sine(-23, 20), -23.0),
        (sine(-33, 20), -33.0),
        (joined((-36, 10), (-23, 60), (-36, 10)), -23.0),
        (joined((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23.0),
        (joined((-26, 20), (-20, 20.1), (-26, 20)), -23.0),
    ],
    ids=["one ear", "-23", "-33", "the relative gate", "both gates", "no gate"],
)
def test_the_meter_shows_the_known_values(sound: Stereo, lufs: float) -> None:
    assert loudness(sound) == pytest.approx(lufs, abs=0.1)


def test_low_tones_weigh_less_and_high_ones_more() -> None:
    low, middle, high = (loudness(sine(-20, 3, hz=hz)) for hz in (40, 500, 6_000))
    assert low < middle - 4
    assert high > middle + 3


def test_silence_has_no_loudness_and_no_peak() -> None:
    silence = np.zeros((2, RATE), dtype=np.float32)
    assert (loudness(silence), true_peak_db(silence)) == (-math.inf, -math.inf)


def test_the_true_peak_is_found_between_samples() -> None:
    time = np.arange(RATE)
    # A quarter of the rate, an eighth of a turn off: no sample is at the top of the wave.
    wave = np.sin(2 * np.pi * time / 4 + np.pi / 4).astype(np.float32)
    assert 20 * math.log10(np.abs(wave).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_db(np.stack([wave, wave])) == pytest.approx(0, abs=0.2)


def noise(*, seconds: float, clicks: int = 0, level: float = 0.05) -> Stereo:
    rng = np.random.default_rng(3)
    sound = (rng.standard_normal((2, samples_in(seconds))) * level).astype(np.float32)
    if clicks:
        sound[:, :: sound.shape[1] // clicks] = 1.0
    return sound


SOUNDS: list[tuple[str, Stereo]] = [
    ("noise", noise(seconds=6)),
    ("peaks", noise(seconds=6, clicks=40)),
    ("faint", noise(seconds=6, level=0.001)),
    ("far too loud", noise(seconds=6, level=30)),
    ("a low tone", sine(-3, 6, hz=60)),
    ("half a second", noise(seconds=0.5)),
]


@pytest.mark.parametrize(("name", "sound"), SOUNDS, ids=[name for name, _ in SOUNDS])
def test_a_mastered_sound_has_its_loudness_below_the_ceiling(name: str, sound: Stereo) -> None:
    mastered = master(sound.copy())
    assert seconds_of(mastered) == seconds_of(sound)
    assert loudness(mastered) == pytest.approx(TARGET_LUFS, abs=0.8)
    assert true_peak_db(mastered) < -1.0


def test_the_limiter_changes_the_gain_slowly() -> None:
    tone = sine(-20, 4)
    loud = tone.copy()
    loud[:, samples_in(2) : samples_in(2) + 40] *= 8
    mastered = master(loud)
    before = mastered[0, samples_in(1) : samples_in(2) - samples_in(0.2)]
    # Before the peak the tone remains one: its steps are no steeper than a sine's of its level.
    steepest = 2 * np.pi * 1_000 / RATE * np.abs(before).max()
    assert np.abs(np.diff(before)).max() <= steepest * 1.02


def test_a_sound_begins_and_ends_in_silence() -> None:
    mastered = master(noise(seconds=2))
    assert np.abs(mastered[:, [0, -1]]).max() < 0.001


def test_silence_stays_silence() -> None:
    assert not master(np.zeros((2, RATE), dtype=np.float32)).any()


@given(count=st.integers(1, 3_000), level=st.floats(0, 100))
def test_no_length_and_level_breaks_the_master(count: int, level: float) -> None:
    sound: NDArray[Any] = np.full((2, count), level, dtype=np.float32)
    mastered = master(sound)
    assert mastered.shape == (2, count)
    assert np.isfinite(mastered).all()
    assert np.abs(mastered).max() <= 1.0
