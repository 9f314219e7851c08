"""Clips in trained styles: their colours change, and do not flicker."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from ringback.engines.sketch.style.features import encode_features
from ringback.engines.sketch.style.study import combine_features, extract_features
from tests.clips import made

RED = np.array((220, 30, 30), np.float32)


def a_red_style() -> bytes:
    output = BytesIO()
    Image.new("RGB", (64, 64), (220, 30, 30)).save(output, "PNG")
    return encode_features(combine_features([extract_features(output.getvalue())]))


def test_a_stronger_style_brings_every_frame_closer_to_its_colours(tmp_path: Path) -> None:
    style = a_red_style()
    away, plain, half, whole = (
        [
            float(np.abs(frame.mean(axis=(0, 1)) - RED).mean())
            for frame in made(tmp_path, trained=((style, strength),), frames=6).frames
        ]
        for strength in (-1.0, 0.0, 0.5, 2.0)
    )
    for number in range(6):
        assert away[number] > plain[number] > half[number] > whole[number]
    assert max(whole) < 12


def test_a_style_does_not_make_a_clip_flicker(tmp_path: Path) -> None:
    film = made(tmp_path, trained=((a_red_style(), 1.0),), frames=8)
    means = [frame.mean() for frame in film.frames]
    assert max(abs(one - following) for one, following in pairwise(means)) < 1
