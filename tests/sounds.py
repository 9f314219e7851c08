"""Readers of sounds for tests."""

from __future__ import annotations

from io import BytesIO

import av
import numpy as np
from av import AudioResampler
from numpy.typing import NDArray

from ringback.engines.sketch.audio.wave import RATE

Heard = NDArray[np.float32]
_WINDOW_S = 0.5


def heard(content: bytes) -> Heard:
    """Return the stereo sound of an MP3, as a decoder plays it."""
    with av.open(BytesIO(content), "r") as container:
        (stream,) = container.streams.audio
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("mp3float", RATE, 2)
        resampler = AudioResampler(format="fltp", layout="stereo", rate=RATE)
        parts = [
            one.to_ndarray()
            for frame in container.decode(stream)
            for one in resampler.resample(frame)
        ]
    return np.asarray(np.concatenate(parts, axis=1), dtype=np.float32)


def seconds_of(sound: Heard) -> float:
    return float(sound.shape[1] / RATE)


def quietest_db(sound: Heard) -> float:
    """Return the level of the quietest half second."""
    step = round(_WINDOW_S * RATE)
    parts = [sound[:, at : at + step] for at in range(0, sound.shape[1] - step + 1, step // 4)]
    return min(float(20 * np.log10(np.sqrt(np.square(one).mean()) + 1e-9)) for one in parts)


def share_between(sound: Heard, low_hz: float, high_hz: float) -> float:
    """Return the share of the energy that lies between two frequencies."""
    spectrum = np.square(np.abs(np.fft.rfft(sound.mean(axis=0))))
    frequencies = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    inside = (frequencies >= low_hz) & (frequencies < high_hz)
    return float(spectrum[inside].sum() / spectrum.sum())
