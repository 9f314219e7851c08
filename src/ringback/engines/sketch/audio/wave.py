"""Sound as arrays: the sample rate, fades and convolution. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 44_100

Mono = NDArray[np.float32]
"""One channel, from -1 to 1 once it is mastered."""
Stereo = NDArray[np.float32]
"""Two channels, (2, samples)."""

_BLOCK = 1 << 15


def samples_in(seconds: float) -> int:
    """Return the number of samples of a length."""
    return max(0, round(seconds * RATE))


def fade(sound: NDArray[np.float32], *, in_s: float, out_s: float) -> None:
    """Fade the given array in and out, along half a cosine that has no corner."""
    count = sound.shape[-1]
    into = min(samples_in(in_s), count // 2)
    out = min(samples_in(out_s), count // 2)
    if into:
        sound[..., :into] *= _rise(into)
    if out:
        sound[..., -out:] *= _rise(out)[::-1]


def convolved(sound: Mono, taps: NDArray[np.float32]) -> Mono:
    """Return a sound filtered by an impulse response, as long as the sound.

    It works in blocks, so its memory does not grow with the response.
    """
    size = 1 << (max(_BLOCK, 2 * len(taps)) - 1).bit_length()
    step = size - len(taps) + 1
    response = np.fft.rfft(taps, size)
    found = np.zeros(len(sound) + size, dtype=np.float32)
    for start in range(0, len(sound), step):
        block = np.fft.irfft(np.fft.rfft(sound[start : start + step], size) * response, size)
        found[start : start + size] += block.astype(np.float32)
    return found[: len(sound)]


def _rise(count: int) -> Mono:
    steps = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * steps), dtype=np.float32)
