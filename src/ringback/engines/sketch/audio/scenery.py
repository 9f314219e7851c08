"""The sound of a scene, as clips have it, in the sample rate of recordings."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av import AudioResampler

from ringback.engines.sketch.audio.wave import RATE, Stereo, samples_in
from ringback.engines.sketch.motion.sound import RATE as CLIP_RATE
from ringback.engines.sketch.motion.sound import sound_of
from ringback.engines.sketch.reading import read


def sound_of_scene(prompt: str, *, seconds: float, chance: tuple[int, ...]) -> Stereo:
    """Return the sound of the prompt's scene: wind, water, rain, leaves, traffic, a chord."""
    scene = sound_of(read(prompt), seconds=seconds, chance=chance)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(scene), format="fltp", layout="stereo")
    frame.sample_rate = CLIP_RATE
    frame.pts, frame.time_base = 0, Fraction(1, CLIP_RATE)
    resampler = AudioResampler(format="fltp", layout="stereo", rate=RATE)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    found = np.concatenate([one.to_ndarray() for one in parts], axis=1)
    # The filter's delay may leave a few samples more or fewer.
    count = samples_in(seconds)
    padded = np.pad(found[:, :count], ((0, 0), (0, max(0, count - found.shape[1]))))
    return np.asarray(padded, dtype=np.float32)
