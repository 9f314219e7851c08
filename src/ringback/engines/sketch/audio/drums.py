"""Drums: each a short sound, made once. Pure."""

from __future__ import annotations

from functools import cache

import numpy as np

from ringback.engines.sketch.audio.wave import RATE, Mono, fade

DRUMS = ("kick", "snare", "hat", "open_hat", "brush", "boom")


@cache
def hit(name: str) -> Mono:
    """Return one hit of a drum."""
    match name:
        case "kick":
            return _ended(_swept(0.32, from_hz=140, to_hz=48, decay=11) * np.float32(1.1))
        case "boom":
            return _ended(_swept(1.3, from_hz=90, to_hz=36, decay=3.2) * np.float32(1.1))
        case "snare":
            body = _swept(0.22, from_hz=240, to_hz=175, decay=22)
            return _ended(body * np.float32(0.5) + _hiss(0.22, low=900, high=9_000, decay=17))
        case "brush":
            return _ended(_hiss(0.2, low=1_500, high=7_000, decay=14) * np.float32(0.5))
        case "open_hat":
            return _ended(_hiss(0.32, low=6_500, high=14_000, decay=9) * np.float32(0.5))
        case _:
            return _ended(_hiss(0.07, low=6_500, high=14_000, decay=60) * np.float32(0.6))


def _swept(seconds: float, *, from_hz: float, to_hz: float, decay: float) -> Mono:
    time = np.arange(round(seconds * RATE)) / RATE
    # The frequency falls from one to the other; the phase is its integral.
    phase = 2 * np.pi * (to_hz * time + (from_hz - to_hz) * (1 - np.exp(-28 * time)) / 28)
    return (np.sin(phase) * np.exp(-decay * time)).astype(np.float32)


def _hiss(seconds: float, *, low: float, high: float, decay: float) -> Mono:
    count = round(seconds * RATE)
    rng = np.random.default_rng((round(low), round(high)))
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    band = 1 / (1 + (low / np.maximum(frequencies, 1)) ** 6) / (1 + (frequencies / high) ** 6)
    noise = np.fft.irfft(spectrum * band, count)
    noise /= np.abs(noise).max()
    return (noise * np.exp(-decay * np.arange(count) / RATE)).astype(np.float32)


def _ended(sound: Mono) -> Mono:
    fade(sound, in_s=0.001, out_s=0.02)
    return sound
