"""Drawn images: reproducible, labelled in their metadata, safe against bad inputs."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from ringback.engines.sketch.compose import RECIPES
from ringback.engines.sketch.pictures import decode
from ringback.engines.sketch.reading import seed_of
from ringback.engines.sketch.render import Drawing, draw_png
from ringback.engines.sketch.words import TIMES, WEATHERS
from ringback.errors import EngineError

SMALL = Drawing(prompt="a lake at dusk", seed=7, model="bfl/flux-1-dev", width=160, height=96)


def pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=np.float32)


def an_image(colour: tuple[int, int, int], kind: str = "PNG") -> bytes:
    output = BytesIO()
    Image.new("RGB", (64, 64), colour).save(output, kind)
    return output.getvalue()


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert draw_png(SMALL) == draw_png(SMALL)


def test_other_seeds_and_prompts_give_other_images() -> None:
    drawings = [SMALL, replace(SMALL, seed=8), replace(SMALL, prompt="a city at dusk")]
    assert len({draw_png(drawing) for drawing in drawings}) == 3


@pytest.mark.parametrize("kind", list(RECIPES))
def test_every_scene_is_more_than_a_flat_colour(kind: str) -> None:
    word = {"portrait": "somebody", "mountains": "mountains"}.get(kind, kind)
    for prompt in (f"{word} at noon", f"{word} at night in a storm", f"{word} winter dusk, red"):
        drawn = pixels(draw_png(replace(SMALL, prompt=prompt)))
        assert drawn.shape == (96, 160, 3)
        assert drawn.std() > 4


def test_the_time_of_day_and_the_weather_change_the_image() -> None:
    hours = {draw_png(replace(SMALL, prompt=f"hills at {word}")) for word in set(TIMES)}
    assert len(hours) >= len(set(TIMES.values()))
    means = {
        word: pixels(draw_png(replace(SMALL, prompt=f"hills {word}"))).mean()
        for word in ("noon", "midnight")
    }
    assert means["midnight"] < means["noon"] * 0.6
    assert len({draw_png(replace(SMALL, prompt=f"hills {word}")) for word in WEATHERS}) > 5


def test_an_image_names_its_engine_in_its_metadata() -> None:
    prompt = "snow on the fjord, \u96ea \U0001f98a"
    image = Image.open(BytesIO(draw_png(replace(SMALL, prompt=prompt))))
    assert image.info["engine"] == "sketch"
    assert image.info["seed"] == "7"
    assert image.info["model"] == "bfl/flux-1-dev"
    assert image.info["prompt"] == prompt


@pytest.mark.parametrize(("width", "height"), [(16, 16), (33, 700), (1500, 40), (1024, 1024)])
def test_an_image_has_the_requested_size(width: int, height: int) -> None:
    drawn = pixels(draw_png(replace(SMALL, width=width, height=height)))
    assert drawn.shape == (height, width, 3)


@settings(max_examples=25)
@given(st.text(max_size=80), st.integers(0, 2**32 - 1))
def test_any_prompt_is_drawn(prompt: str, seed: int) -> None:
    assert pixels(draw_png(replace(SMALL, prompt=prompt, seed=seed))).shape == (96, 160, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_input_image_shows_through(kind: str) -> None:
    plain = pixels(draw_png(SMALL))
    red = pixels(draw_png(replace(SMALL, images=(an_image((250, 10, 10), kind),), strength=0.6)))
    assert (red - plain)[..., 0].mean() > 40


def test_a_style_image_moves_the_colours() -> None:
    plain = pixels(draw_png(SMALL))
    green = pixels(draw_png(replace(SMALL, styles=((an_image((20, 220, 30)), 1.0),))))
    assert (green - plain)[..., 1].mean() > 25
    assert draw_png(replace(SMALL, styles=((an_image((20, 220, 30)), 0.0),))) == draw_png(SMALL)


def a_bomb() -> bytes:
    """Return a PNG whose header claims two billion pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 40_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read", id="svg"),
        pytest.param(an_image((1, 2, 3))[:60], "cannot be read", id="truncated"),
        pytest.param(b"%PDF-1.7 /Launch", "cannot be read", id="pdf"),
        pytest.param(an_image((1, 2, 3), "TGA"), "cannot be read", id="a format not taken"),
        pytest.param(a_bomb(), "at most 50000000 are taken", id="bomb"),
    ],
)
def test_a_hostile_input_is_refused_with_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        decode(content)


def test_only_the_first_frame_of_an_animation_is_read() -> None:
    output = BytesIO()
    frames = [Image.new("P", (8, 8), number) for number in range(50)]
    frames[0].save(output, "GIF", save_all=True, append_images=frames[1:])
    assert decode(output.getvalue()).size == (8, 8)


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with pytest.raises(EngineError):
        decode(content)


@pytest.mark.slow
def test_different_prompts_give_different_images() -> None:
    # All thousand at a megapixel, and how long they take: python -m bench.sketch.
    what = [*RECIPES, "joy", "a red fox", "an old mill", "two ships", "music"]
    prompts = [
        " ".join((subject, time, weather, how))
        for subject in what
        for time in list(TIMES)[::10]
        for weather in list(WEATHERS)[::10]
        for how in ("", "in oil", "seen from far away", "for two")
    ][::7]
    assert len(set(prompts)) == len(prompts) > 150
    drawn = set()
    for prompt in prompts:
        drawing = replace(SMALL, prompt=prompt, seed=seed_of(prompt), width=64, height=36)
        drawn.add(pixels(draw_png(drawing)).tobytes())
    assert len(drawn) == len(prompts)
