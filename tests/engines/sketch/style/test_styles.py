"""Style features of images, and their transfer to other images."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from ringback.engines.sketch.render import Drawing, draw_png
from ringback.engines.sketch.style.features import (
    COLOURS_MAX,
    StyleFeatures,
    decode_features,
    encode_features,
    share_of,
)
from ringback.engines.sketch.style.study import combine_features, extract_features
from ringback.engines.sketch.style.texture import brightness, fitted, grain_in, octaves, spreads
from ringback.errors import EngineError

Pixels = NDArray[np.float32]
PROMPTS = ("a lake between mountains at dawn", "a portrait of a sailor")


def a_picture(
    number: int,
    *,
    colours: tuple[tuple[int, ...], ...] = ((244, 236, 214), (20, 40, 60), (190, 40, 30)),
    grain: float = 0.0,
    smooth: bool = False,
) -> bytes:
    """Return an image of blots, or of a smooth slope, in these colours, with this grain."""
    rng = np.random.default_rng(number)
    if smooth:
        share = np.linspace(0, 1, 400)[:, None, None]
        pixels = np.array(colours[0]) * (1 - share) + np.array(colours[1]) * share
        pixels = np.broadcast_to(pixels, (400, 400, 3)).copy()
    else:
        cells = np.kron(rng.integers(0, len(colours), (50, 50)), np.ones((8, 8), int))
        pixels = np.array(colours)[cells].astype(float)
    pixels += rng.normal(0, 255 * grain, (400, 400, 1))
    output = BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(output, "PNG")
    return output.getvalue()


def a_style(pictures: list[bytes]) -> StyleFeatures:
    return combine_features([extract_features(picture) for picture in pictures])


def pixels_of(png: bytes) -> Pixels:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), np.float32) / np.float32(255)


def drawn(prompt: str, style: StyleFeatures | None = None, strength: float = 0.0) -> Pixels:
    trained = () if style is None else ((encode_features(style), strength),)
    drawing = Drawing(
        prompt=prompt, seed=7, model="bfl/flux-1-dev", width=256, height=192, trained=trained
    )
    return pixels_of(draw_png(drawing))


def distance(one: Pixels, other: Pixels) -> float:
    """Return the distance of two images' colours: the mean shift over many axes."""
    turns = np.random.default_rng(0).normal(size=(64, 3))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    steps = np.linspace(0, 1, 101)
    # Every so many pixels: all of them would say the same, and take their time.
    some = [pixels.reshape(-1, 3)[:: max(1, pixels.size // 30_000)] for pixels in (one, other)]
    here, there = (np.quantile(pixels @ turns.T, steps, axis=0) for pixels in some)
    return float(np.abs(here - there).mean())


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("smooth", [False, True])
def test_a_stronger_style_brings_the_colours_closer_to_its_training_images(
    prompt: str, smooth: bool
) -> None:
    colours = ((30, 220, 190), (250, 90, 200)) if smooth else ((244, 236, 214), (20, 40, 60))
    pictures = [a_picture(number, colours=colours, smooth=smooth) for number in range(3)]
    goal = np.concatenate([pixels_of(picture) for picture in pictures])
    style = a_style(pictures)
    away, plain, half, whole, beyond = (
        distance(drawn(prompt, style, strength), goal) for strength in (-1, 0, 0.5, 1, 2)
    )
    assert away > plain > half > whole > beyond
    assert whole < 0.8 * plain
    assert beyond < 0.7 * plain


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_stronger_grainy_style_gives_a_grainier_image(prompt: str) -> None:
    grainy = a_style([a_picture(number, grain=0.06) for number in range(3)])
    clean = a_style([a_picture(number, smooth=True) for number in range(3)])
    grains = [grain_in(brightness(drawn(prompt, grainy, strength))) for strength in (0, 0.5, 1, 2)]
    assert grains == sorted(grains)
    assert grains[0] < 0.02
    assert 0.03 < grains[2] < 0.12
    assert grain_in(brightness(drawn(prompt, clean, 1))) < 0.5 * grains[2]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_rough_style_roughens_and_a_smooth_style_smooths_an_image(prompt: str) -> None:
    rough = a_style([a_picture(number, colours=((255,) * 3, (0,) * 3)) for number in range(3)])
    smooth = a_style([a_picture(1, colours=((200,) * 3, (100,) * 3), smooth=True)])

    def finest(style: StyleFeatures, strength: float) -> float:
        # Of what is not grain: the second octave, where the blots of the pictures are.
        return spreads(octaves(fitted(brightness(drawn(prompt, style, strength)))))[1]

    plain = finest(rough, 0)
    assert plain < finest(rough, 0.5) < finest(rough, 1)
    assert plain > finest(smooth, 0.5) > finest(smooth, 1)


def test_a_style_of_strength_zero_changes_nothing() -> None:
    style = a_style([a_picture(1)])
    assert np.array_equal(drawn(PROMPTS[0]), drawn(PROMPTS[0], style, 0.0))


def test_the_same_style_gives_the_same_image() -> None:
    style = a_style([a_picture(1, grain=0.05)])
    assert np.array_equal(drawn(PROMPTS[0], style, 1), drawn(PROMPTS[0], style, 1))


def test_the_features_have_one_size_for_any_number_of_images() -> None:
    style = a_style([a_picture(number) for number in range(12)])
    assert len(bytes.fromhex(style.palette)) == 3 * COLOURS_MAX
    assert len(encode_features(style)) < 6_000
    assert decode_features(encode_features(style)) == style


def test_an_image_of_one_pixel_can_be_studied_and_styled() -> None:
    output = BytesIO()
    Image.new("RGB", (1, 1), (255, 0, 0)).save(output, "PNG")
    style = a_style([output.getvalue()])
    red = drawn(PROMPTS[0], style, 2).mean(axis=(0, 1))
    assert red[0] > 0.7 > 0.3 > red[1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"palette": "zz", "bands": [1, 1, 1, 1], "grain": 0}',
        b'{"palette": "", "bands": [1, 1, 1, 1], "grain": 0}',
        b'{"palette": "ffff", "bands": [1, 1, 1, 1], "grain": 0}',
        b'{"palette": "ffffff", "bands": [1], "grain": 0}',
    ],
)
def test_a_file_that_is_not_a_style_is_refused(content: bytes) -> None:
    with pytest.raises(EngineError, match="train the style again"):
        decode_features(content)


def test_a_file_that_is_not_an_image_cannot_be_studied() -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        extract_features(b"GIF89a but not really")


@given(strength=st.floats(allow_nan=False))
@settings(max_examples=200)
def test_the_share_of_a_strength_is_limited(strength: float) -> None:
    share = share_of(strength)
    assert -0.6 <= share <= 1
    assert share * strength >= 0
