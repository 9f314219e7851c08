"""A hall of decaying noise that sounds are played in. Pure."""

from __future__ import annotations

import numpy as np

from ringback.engines.sketch.audio.wave import RATE, Mono, Stereo, convolved, fade

_SECONDS = 1.7
_DECAY_PER_S = 3.6
_PAUSE_S = 0.018  # before the first echo


def hall(sound: Mono) -> Stereo:
    """Return the echo of a sound, another in each ear."""
    return np.stack([convolved(sound, _response(ear)) for ear in range(2)])


def _response(ear: int) -> Mono:
    count = round(_SECONDS * RATE)
    time = np.arange(count) / RATE
    noise = np.random.default_rng((ear, 1770)).standard_normal(count)
    spectrum = np.fft.rfft(noise * np.exp(-_DECAY_PER_S * time))
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    # Walls swallow the highest tones, and a hall that booms is no pleasure.
    spectrum *= 1 / (1 + (frequencies / 4_200) ** 2) / (1 + (180 / np.maximum(frequencies, 1)) ** 2)
    echo = np.fft.irfft(spectrum, count).astype(np.float32)
    echo /= np.sqrt(np.square(echo).sum())
    fade(echo, in_s=0.004, out_s=0.1)
    return np.concatenate([np.zeros(round(_PAUSE_S * RATE), dtype=np.float32), echo])
