"""Brings a sound to its loudness: gain, a limiter without steps, and fades. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ringback.engines.sketch.audio.loudness import Energy, loudness_of, step_energies
from ringback.engines.sketch.audio.wave import RATE, Stereo, fade

TARGET_LUFS = -16.0
CEILING_DB = -2.5
"""The highest sample. MP3 adds up to a decibel to it, and -1 dBTP must not be passed."""

_BLOCK = 64  # samples that share a gain, before it is smoothed
_AHEAD = 40  # blocks: the gain falls for 58 ms before a peak, and returns as long after
_ROUNDS = 6
_GAIN_DB_MAX = 40.0
_FADE_IN_S = 0.006
_FADE_OUT_S = 0.05


def master(sound: Stereo) -> Stereo:
    """Bring the given array to the target loudness below the ceiling, and return it."""
    fade(sound, in_s=_FADE_IN_S, out_s=_FADE_OUT_S)
    peaks, energies = _peaks(sound), step_energies(sound)
    gain_db = TARGET_LUFS - loudness_of(energies)
    if not math.isfinite(gain_db):
        return sound
    # The limiter takes loudness, so the gain before it is raised by its loss.
    for _ in range(_ROUNDS):
        gain_db = min(gain_db, _GAIN_DB_MAX)
        gains = _limited(peaks, gain_db)
        missing_db = TARGET_LUFS - loudness_of(energies * _mean_squares(gains, len(energies)))
        if abs(missing_db) < 0.05:
            break
        gain_db += missing_db
    _apply(sound, gains)
    return sound


def _peaks(sound: Stereo) -> NDArray[np.float32]:
    """Return the highest level of each block."""
    count = math.ceil(sound.shape[1] / _BLOCK)
    padded = np.zeros(count * _BLOCK, dtype=np.float32)
    np.maximum(np.abs(sound[0]), np.abs(sound[1]), out=padded[: sound.shape[1]])
    return np.asarray(padded.reshape(count, _BLOCK).max(axis=1))


def _limited(peaks: NDArray[np.float32], gain_db: float) -> NDArray[np.float32]:
    """Return the gain of each block; it changes slowly, and no peak passes the ceiling."""
    gain, ceiling = 10 ** (gain_db / 20), 10 ** (CEILING_DB / 20)
    allowed = np.minimum(gain, ceiling / np.maximum(peaks, 1e-9))
    # The smallest of the blocks around, then a mean over as many: it never exceeds an allowed one.
    # One block more, since the samples of a block have gains between its own and the next one's.
    around = np.pad(allowed, _AHEAD + 1, mode="edge")
    least = np.lib.stride_tricks.sliding_window_view(around, 2 * _AHEAD + 3).min(axis=1)
    window = np.hanning(2 * _AHEAD + 3)[1:-1]
    smooth = np.convolve(np.pad(least, _AHEAD, mode="edge"), window / window.sum(), mode="valid")
    return smooth.astype(np.float32)


def _mean_squares(gains: NDArray[np.float32], count: int) -> Energy:
    """Return the mean squared gain in each of the loudness's steps."""
    edges = np.linspace(0, len(gains), count + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.square(gains, dtype=np.float64), edges)
    return np.asarray(sums / np.maximum(1, np.diff(np.append(edges, len(gains)))))


def _apply(sound: Stereo, gains: NDArray[np.float32]) -> None:
    """Multiply the sound by gains that run in straight lines from block to block."""
    centres = (np.arange(len(gains)) + 0.5) * _BLOCK
    step = RATE * 10
    for start in range(0, sound.shape[1], step):
        end = min(sound.shape[1], start + step)
        numbers = np.arange(start, end)
        sound[:, start:end] *= np.interp(numbers, centres, gains).astype(np.float32)
