"""Instruments as data, and the tones that they play. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ringback.engines.sketch.audio.wave import RATE, Mono, fade, samples_in

_TOP_HZ = 15_000.0  # partials above are not heard, and would fold back
_TONES_MAX = 160  # the most that are kept to be played again


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument: its partials, and how they begin, decay and end."""

    partials: tuple[tuple[float, float], ...]  # multiple of the pitch, level
    attack_s: float
    release_s: float
    decay_per_s: float = 0.0  # of the first partial; the others decay faster; 0: as long as held
    vibrato: float = 0.0  # a share of the pitch
    detune: float = 0.0  # of a second string, a share of the pitch
    formants: tuple[tuple[float, float, float], ...] = ()  # frequency, width, level
    reverb: float = 0.25
    level: float = 1.0


def _harmonics(*levels: float) -> tuple[tuple[float, float], ...]:
    return tuple((number, level) for number, level in enumerate(levels, start=1) if level)


def _saw(count: int, slope: float) -> tuple[tuple[float, float], ...]:
    return tuple((number, number**-slope) for number in range(1, count + 1))


_HUM = ((300.0, 90.0, 1.0), (870.0, 130.0, 0.30), (2240.0, 240.0, 0.10), (3300.0, 400.0, 0.04))

INSTRUMENTS = {
    "piano": Instrument(
        partials=tuple((n * (1 + 0.0004 * n * n) ** 0.5, n**-1.35) for n in range(1, 9)),
        attack_s=0.004,
        release_s=0.18,
        decay_per_s=1.1,
        detune=0.0006,
    ),
    "guitar": Instrument(
        partials=tuple((n, n**-1.15 * abs(np.sin(n * np.pi * 0.21)) * 1.5) for n in range(1, 11)),
        attack_s=0.002,
        release_s=0.12,
        decay_per_s=1.9,
    ),
    "harp": Instrument(
        partials=_harmonics(1, 0.45, 0.16, 0.08, 0.03),
        attack_s=0.002,
        release_s=0.35,
        decay_per_s=1.6,
        reverb=0.4,
    ),
    "strings": Instrument(
        partials=_saw(9, 1.25),
        attack_s=0.16,
        release_s=0.35,
        vibrato=0.0035,
        detune=0.0021,
        reverb=0.45,
        level=0.8,
    ),
    "pad": Instrument(
        partials=_harmonics(1, 0.42, 0.20, 0.12, 0.05, 0.03),
        attack_s=0.45,
        release_s=0.8,
        detune=0.0034,
        reverb=0.5,
        level=0.85,
    ),
    "flute": Instrument(
        partials=_harmonics(1, 0.36, 0.12, 0.05),
        attack_s=0.06,
        release_s=0.12,
        vibrato=0.0045,
        reverb=0.4,
    ),
    "bells": Instrument(
        partials=((1.0, 1.0), (2.76, 0.34), (5.40, 0.14), (8.93, 0.05)),
        attack_s=0.001,
        release_s=0.6,
        decay_per_s=1.5,
        reverb=0.5,
        level=0.8,
    ),
    "organ": Instrument(
        partials=((0.5, 0.35), (1, 1.0), (2, 0.6), (3, 0.3), (4, 0.32), (6, 0.12), (8, 0.1)),
        attack_s=0.02,
        release_s=0.09,
        vibrato=0.0012,
        reverb=0.45,
        level=0.7,
    ),
    "brass": Instrument(
        partials=_harmonics(1, 0.85, 0.72, 0.5, 0.34, 0.22, 0.14, 0.09),
        attack_s=0.05,
        release_s=0.13,
        vibrato=0.002,
        reverb=0.35,
        level=0.7,
    ),
    "synth": Instrument(
        partials=_saw(10, 1.1),
        attack_s=0.008,
        release_s=0.14,
        decay_per_s=0.5,
        detune=0.003,
        level=0.7,
    ),
    "voice": Instrument(
        partials=_saw(26, 0.9),
        attack_s=0.09,
        release_s=0.16,
        vibrato=0.006,
        formants=_HUM,
        reverb=0.4,
        level=1.25,
    ),
    "bass": Instrument(
        partials=_harmonics(1, 0.5, 0.26, 0.12, 0.06),
        attack_s=0.006,
        release_s=0.08,
        decay_per_s=0.8,
        reverb=0.05,
    ),
    "synth_bass": Instrument(
        partials=_saw(7, 1.2),
        attack_s=0.004,
        release_s=0.06,
        decay_per_s=1.4,
        reverb=0.03,
    ),
}


def frequency_of(pitch: float) -> float:
    """Return the frequency of a pitch, in semitones of which the 69th is 440 Hz."""
    return float(440 * 2 ** ((pitch - 69) / 12))


@lru_cache(maxsize=_TONES_MAX)
def tone(name: str, pitch: int, seconds: float) -> Mono:
    """Return a note of an instrument, held for so long; its end rings on after that."""
    instrument = INSTRUMENTS[name]
    frequency = frequency_of(pitch)
    count = samples_in(seconds + instrument.release_s)
    time = np.arange(count, dtype=np.float64) / RATE
    found = np.zeros(count, dtype=np.float32)
    strings = (-1.0, 1.0) if instrument.detune else (0.0,)
    for string in strings:
        phase = 2 * np.pi * frequency * (1 + string * instrument.detune) * time
        if instrument.vibrato:
            phase += _vibrato(instrument.vibrato, frequency, time)
        for multiple, level in instrument.partials:
            if frequency * multiple > _TOP_HZ:
                continue
            loud = level * _formant_level(instrument, frequency * multiple) / len(strings)
            wave = np.sin(phase * multiple + string).astype(np.float32)
            if instrument.decay_per_s:
                speed = instrument.decay_per_s * (0.6 + 0.4 * multiple) * (frequency / 262) ** 0.4
                wave *= np.exp(-speed * time).astype(np.float32)
            found += wave * np.float32(loud)
    found *= np.float32(instrument.level / sum(level for _, level in instrument.partials) ** 0.7)
    fade(found, in_s=instrument.attack_s, out_s=instrument.release_s)
    return found


def _vibrato(depth: float, frequency: float, time: np.ndarray) -> np.ndarray:
    """Return the phase of a vibrato that begins a moment after the note."""
    rate_hz = 5.4
    grown = np.clip((time - 0.15) / 0.35, 0, 1)
    return np.asarray(depth * frequency / rate_hz * grown * np.sin(2 * np.pi * rate_hz * time))


def _formant_level(instrument: Instrument, frequency: float) -> float:
    if not instrument.formants:
        return 1.0
    return sum(
        level / (1 + ((frequency - centre) / width) ** 2)
        for centre, width, level in instrument.formants
    )
