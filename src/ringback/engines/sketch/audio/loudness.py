"""Measures loudness and true peak by ITU-R BS.1770-4. Pure."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ringback.engines.sketch.audio.wave import RATE, Stereo, convolved

SILENT_LUFS = -70.0
"""The absolute gate: quieter blocks do not count, and without others a sound has no loudness."""

_STEP_S = 0.1
_BLOCK_STEPS = 4  # blocks of 400 ms that overlap by three quarters
_RELATIVE_GATE_LU = -10.0
_OFFSET = -0.691  # so that a sine of 997 Hz at full scale in one channel has -3.01 LUFS
_TAPS = 4_096  # 93 ms, after which the response is inaudible
_OVERSAMPLING = 4
_SINC_TAPS = 24
_CHUNK = 1 << 20

Energy = NDArray[np.float64]


def loudness(sound: Stereo) -> float:
    """Return the integrated loudness of a sound in LUFS."""
    return loudness_of(step_energies(sound))


def step_energies(sound: Stereo) -> Energy:
    """Return the mean K-weighted energy of each 100 ms, summed over the channels."""
    step = round(_STEP_S * RATE)
    count = max(1, math.ceil(sound.shape[1] / step))
    energies = np.zeros(count, dtype=np.float64)
    for channel in sound:
        weighted = np.zeros(count * step, dtype=np.float32)
        weighted[: len(channel)] = convolved(channel, _k_weighting())
        energies += np.square(weighted.reshape(count, step), dtype=np.float64).mean(axis=1)
    return energies


def loudness_of(energies: Energy) -> float:
    """Return the gated loudness of the energies of consecutive steps."""
    width = min(_BLOCK_STEPS, len(energies))
    blocks = np.convolve(energies, np.full(width, 1 / width), mode="valid")
    loud = blocks[blocks > _energy(SILENT_LUFS)]
    if not len(loud):
        return -math.inf
    gated = loud[loud > _energy(_lufs(float(loud.mean())) + _RELATIVE_GATE_LU)]
    return _lufs(float(gated.mean()))


def true_peak_db(sound: Stereo) -> float:
    """Return the highest level of the waveform between and at its samples, in dBTP."""
    peak = 0.0
    for channel in sound:
        padded = np.pad(channel, _SINC_TAPS)
        for start in range(0, len(channel), _CHUNK):
            part = padded[start : start + _CHUNK + 2 * _SINC_TAPS]
            for phase in _phases():
                peak = max(peak, float(np.abs(np.convolve(part, phase, mode="valid")).max()))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def _lufs(energy: float) -> float:
    return _OFFSET + 10 * math.log10(energy)


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


@cache
def _k_weighting() -> NDArray[np.float32]:
    """Return the impulse response of the treble boost and the high-pass, at our sample rate.

    The standard has coefficients for 48 kHz; these are the same filters by their analogue values.
    """
    impulse = np.zeros(_TAPS)
    impulse[0] = 1.0
    treble = _treble(1681.974450955533, gain_db=3.999843853973347, quality=0.7071752369554196)
    high_pass = _high_pass(38.13547087602444, quality=0.5003270373238773)
    return _filtered(_filtered(impulse, *treble), *high_pass).astype(np.float32)


def _treble(
    frequency: float, *, gain_db: float, quality: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    k = math.tan(math.pi * frequency / RATE)
    high = 10 ** (gain_db / 20)
    middle = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    ahead = (
        (high + middle * k / quality + k * k) / scale,
        2 * (k * k - high) / scale,
        (high - middle * k / quality + k * k) / scale,
    )
    return ahead, (2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale)


def _high_pass(frequency: float, *, quality: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    k = math.tan(math.pi * frequency / RATE)
    scale = 1 + k / quality + k * k
    return (1.0, -2.0, 1.0), (2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale)


def _filtered(
    signal: NDArray[np.float64], ahead: tuple[float, ...], back: tuple[float, ...]
) -> NDArray[np.float64]:
    found = np.zeros_like(signal)
    one = two = 0.0  # the filter's memory, in the transposed direct form
    for at, value in enumerate(signal.tolist()):
        result = ahead[0] * value + one
        one = ahead[1] * value - back[0] * result + two
        two = ahead[2] * value - back[1] * result
        found[at] = result
    return found


@cache
def _phases() -> tuple[NDArray[np.float32], ...]:
    """Return the filters that give the waveform at each quarter of a sample."""
    half = _SINC_TAPS // 2
    offsets = np.arange(-half, half + 1, dtype=np.float64)
    found = []
    for phase in range(_OVERSAMPLING):
        at = offsets - phase / _OVERSAMPLING
        window = np.where(np.abs(at) <= half, np.cos(np.pi * at / (2 * half)) ** 2, 0)
        taps = np.sinc(at) * window
        found.append((taps / taps.sum()).astype(np.float32))
    return tuple(found)
