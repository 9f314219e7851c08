"""Synthesizes the sound of a scene: wind, water, rain, crickets, a chord."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringback.engines.sketch.reading import Scene

RATE = 48_000
_FADE_S = 0.15
_LOUDEST = 0.7

Wave = NDArray[np.float32]
Shape = Callable[[Wave], NDArray[Any]]

# Semitones above the root, by mood.
_CHORDS = {
    "calm": (0, 7, 12, 16),
    "dreamy": (0, 7, 11, 16, 18),
    "vivid": (0, 4, 7, 12, 14),
    "dramatic": (0, 7, 12, 15),
    "sad": (0, 3, 7, 10),
}
_ROOTS = {"dawn": 164.81, "day": 174.61, "sunset": 146.83, "dusk": 130.81, "night": 110.0}
# The loudness of wind, water, rain, leaves, traffic, a deep hum and the chord.
_KINDS = {
    "mountains": (0.55, 0.0, 0.0, 0.12, 0.0, 0.0, 0.30),
    "sea": (0.22, 0.85, 0.0, 0.0, 0.0, 0.0, 0.25),
    "lake": (0.18, 0.35, 0.0, 0.18, 0.0, 0.0, 0.32),
    "forest": (0.22, 0.0, 0.0, 0.55, 0.0, 0.0, 0.28),
    "city": (0.10, 0.0, 0.0, 0.0, 0.60, 0.18, 0.28),
    "desert": (0.60, 0.0, 0.0, 0.0, 0.0, 0.06, 0.28),
    "meadow": (0.28, 0.0, 0.0, 0.38, 0.0, 0.0, 0.34),
    "space": (0.0, 0.0, 0.0, 0.0, 0.0, 0.55, 0.55),
    "portrait": (0.05, 0.0, 0.0, 0.0, 0.0, 0.08, 0.70),
}
_WEATHERS = {
    "rain": (0.15, 0.0, 0.65, 0.0, 0.0, 0.0, -0.08),
    "storm": (0.45, 0.0, 0.80, 0.0, 0.0, 0.20, -0.12),
    "snow": (0.20, 0.0, 0.0, -0.1, 0.0, 0.0, 0.05),
    "fog": (0.05, 0.0, 0.0, -0.1, 0.0, 0.05, 0.05),
}


def sound_of(scene: Scene, *, seconds: float, chance: tuple[int, ...]) -> Wave:
    """Return the scene's stereo sound, (2, samples), from -1 to 1."""
    count = max(1, round(seconds * RATE))
    rng = np.random.default_rng((*chance, 33))
    parts = np.array(_KINDS.get(scene.kind, _KINDS["portrait"]))
    parts = np.clip(parts + np.array(_WEATHERS.get(scene.weather, (0.0,) * 7)), 0, 1)
    makers = (_wind, _water, _rain, _leaves, _traffic, _hum)
    sound = np.zeros((2, count), dtype=np.float32)
    for part, make in zip(parts, makers, strict=False):
        if part > 0.01:
            sound += make(rng, count) * np.float32(part)
    sound += _chord(scene, rng, count) * np.float32(parts[-1])
    if scene.time in ("night", "dusk") and scene.kind in ("meadow", "forest", "lake"):
        sound += _crickets(rng, count) * np.float32(0.12)
    if scene.weather == "storm":
        sound += _thunder(rng, count)
    sound *= np.float32(_LOUDEST / max(0.05, float(np.abs(sound).max())))
    return _faded(sound)


def _noise(rng: np.random.Generator, count: int, shape: Shape) -> Wave:
    """Return noise with the spectrum ``shape``; it has no seam."""
    size = 1 << max(1, (count - 1).bit_length())
    frequencies = np.fft.rfftfreq(size, 1 / RATE).astype(np.float32)
    loudness = shape(np.maximum(frequencies, 1))
    ears = []
    for _ in range(2):
        phases = rng.random(len(frequencies), dtype=np.float32) * np.float32(2 * np.pi)
        wave = np.fft.irfft(loudness * np.exp(1j * phases), size)[:count]
        ears.append(wave / max(1e-9, float(wave.std())) * 0.22)
    return np.asarray(ears, dtype=np.float32)


def _swell(rng: np.random.Generator, count: int, *, every_s: float, low: float) -> Wave:
    """Return a slowly varying loudness, from ``low`` to 1."""
    seconds = np.arange(count, dtype=np.float32) / np.float32(RATE)
    total = np.zeros(count, dtype=np.float32)
    for part in (1.0, 0.63, 1.7):
        phase = float(rng.random()) * 6.283
        total += np.sin(seconds * np.float32(6.283 * part / every_s) + np.float32(phase))
    share = total / np.float32(6) + np.float32(0.5)
    return np.asarray(low + (1 - low) * share, dtype=np.float32)


def _wind(rng: np.random.Generator, count: int) -> Wave:
    low = _noise(rng, count, lambda f: 1 / (1 + (f / 180) ** 1.6))
    high = _noise(rng, count, lambda f: np.exp(-(((np.log(f) - np.log(620)) / 0.42) ** 2)))
    gusts = _swell(rng, count, every_s=4.2, low=0.25)
    loud = np.float32(0.6) + np.float32(0.4) * gusts
    return np.asarray(low * loud + high * gusts * gusts * np.float32(0.5), dtype=np.float32)


def _water(rng: np.random.Generator, count: int) -> Wave:
    deep = _noise(rng, count, lambda f: 1 / (1 + (f / 320) ** 1.3))
    foam = _noise(rng, count, lambda f: np.exp(-(((np.log(f) - np.log(3200)) / 0.9) ** 2)))
    waves = _swell(rng, count, every_s=5.5, low=0.05)
    loud = np.float32(0.4) + np.float32(0.6) * waves
    return np.asarray(deep * loud + foam * waves**3 * np.float32(0.8), dtype=np.float32)


def _rain(rng: np.random.Generator, count: int) -> Wave:
    return _noise(rng, count, lambda f: np.exp(-(((np.log(f) - np.log(5200)) / 1.1) ** 2)))


def _leaves(rng: np.random.Generator, count: int) -> Wave:
    rustle = _noise(rng, count, lambda f: np.exp(-(((np.log(f) - np.log(4200)) / 0.7) ** 2)))
    return rustle * _swell(rng, count, every_s=2.8, low=0.08) ** 2


def _traffic(rng: np.random.Generator, count: int) -> Wave:
    roar = _noise(rng, count, lambda f: 1 / (1 + (f / 110) ** 1.8))
    return roar * _swell(rng, count, every_s=6.5, low=0.5)


def _hum(rng: np.random.Generator, count: int) -> Wave:
    return _noise(rng, count, lambda f: 1 / (1 + (f / 60) ** 2.6))


def _chord(scene: Scene, rng: np.random.Generator, count: int) -> Wave:
    """Return a soft chord of a few partials, slowly beating."""
    seconds = np.arange(count, dtype=np.float64) / RATE
    root = _ROOTS.get(scene.time, 174.61)
    ears = np.zeros((2, count), dtype=np.float32)
    for step in _CHORDS.get(scene.mood, _CHORDS["calm"]):
        tone = root * 2 ** (step / 12)
        for ear in range(2):
            detuned = tone * (1 + 0.0012 * float(rng.uniform(-1, 1)))
            breath = 0.7 + 0.3 * np.sin(2 * np.pi * seconds / rng.uniform(4, 9) + rng.uniform(0, 6))
            for partial, loud in ((1, 1.0), (2, 0.28), (3, 0.10)):
                wave = np.sin(2 * np.pi * detuned * partial * seconds)
                ears[ear] += (wave * breath * loud).astype(np.float32)
    return ears * np.float32(0.10)


def _crickets(rng: np.random.Generator, count: int) -> Wave:
    seconds = np.arange(count, dtype=np.float32) / np.float32(RATE)
    ears = np.zeros((2, count), dtype=np.float32)
    for _ in range(3):
        pitch, beat = rng.uniform(4100, 4900), rng.uniform(1.6, 2.4)
        phase = float(rng.random())
        chirp = np.clip(np.sin(2 * np.pi * (seconds * beat + phase)) - np.float32(0.3), 0, 1)
        trill = np.float32(0.5) + np.float32(0.5) * np.sin(2 * np.pi * seconds * 31)
        voice = np.sin(2 * np.pi * seconds * pitch) * chirp * trill
        side = float(rng.uniform(0.2, 0.8))
        ears[0] += voice * np.float32(side)
        ears[1] += voice * np.float32(1 - side)
    return ears


def _thunder(rng: np.random.Generator, count: int) -> Wave:
    rumble = _noise(rng, count, lambda f: 1 / (1 + (f / 70) ** 2.0))
    seconds = np.arange(count, dtype=np.float32) / np.float32(RATE)
    loud = np.zeros(count, dtype=np.float32)
    at = float(rng.uniform(0.8, 1.8))
    while at < count / RATE:
        since = np.maximum(seconds - np.float32(at), 0)
        loud += np.where(seconds > at, np.exp(-since * np.float32(1.1)), 0)
        at += float(rng.uniform(2.8, 4.2))
    return rumble * loud * np.float32(1.6)


def _faded(sound: Wave) -> Wave:
    count = min(int(_FADE_S * RATE), sound.shape[1] // 2)
    if count:
        ramp = np.linspace(0, 1, count, dtype=np.float32)
        sound[:, :count] *= ramp
        sound[:, -count:] *= ramp[::-1]
    return sound
