"""The prompt and the seed decide an image, and its size never does."""

from __future__ import annotations

from io import BytesIO
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ringback.engines.contract import EngineRequest, Made
from ringback.engines.sketch.engine import SketchEngine
from ringback.engines.sketch.reading import read
from ringback.engines.sketch.render import Drawing, draw_png
from ringback.errors import EngineError
from ringback.testing import RecordingIO

TEXT = {"https://x.example/a": b"no picture, but text"}


def drawn(prompt: str, *, seed: int = 5, size: tuple[int, int] = (128, 72)) -> NDArray[np.float32]:
    """Return the pixels of an image, reduced to the size of a preview."""
    png = draw_png(Drawing(prompt=prompt, seed=seed, model="m", width=size[0], height=size[1]))
    image = Image.open(BytesIO(png)).convert("RGB").resize((128, 72), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32)


def apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize(
    "prompt",
    ["hills at dawn", "a city at night", "the sea", "a forest", "joy", "a galaxy", "dunes"],
)
def test_a_preview_resembles_the_final_image(prompt: str) -> None:
    preview = drawn(prompt)
    same, other = drawn(prompt, size=(512, 288)), drawn(prompt, seed=6, size=(512, 288))
    assert apart(preview, same) < 0.6 * apart(preview, other)


def test_two_prompts_of_one_scene_and_seed_give_two_images() -> None:
    # Most models give a seed by default, so that nearly all their jobs have the same one.
    assert read("a red fox in a forest") == read("a red owl in a forest")
    assert apart(drawn("a red fox in a forest"), drawn("a red owl in a forest")) > 5


@pytest.mark.parametrize(
    ("prompt", "kind", "time"),
    [
        ("gunung saat matahari terbenam", "mountains", "sunset"),
        ("golden hour in the hills", "mountains", "sunset"),
        ("a golden retriever", "portrait", "day"),
        ("stars above a mountain lake", "lake", "night"),
        ("stars, nothing else", "space", "night"),
        ("luar angkasa", "space", "night"),
        ("di luar rumah", "portrait", "day"),
        ("padang pasir di malam hari", "desert", "night"),
        ("Jakarta's rooftops", "city", "day"),
        ("blue-hour harbour", "sea", "dusk"),
    ],
)
def test_pairs_and_faint_words_are_read(prompt: str, kind: str, time: str) -> None:
    scene = read(prompt)
    assert (scene.kind, scene.time) == (kind, time)


def a_request(**fields: object) -> EngineRequest:
    size = {"width": 64, "height": 64}
    return EngineRequest(
        job_id="j", workspace_id="w", kind="image", model="m", input={**size, **fields}
    )


async def test_no_prompt_and_no_seed_breaks_a_run() -> None:
    engine = SketchEngine()
    prompts = ("half a \ud83d character", "\0\x1b[31m\u202e", "", "x" * 3_000_000)
    seeds = (-1, 0, 2**70, 1e30, 1.5, 10**400, None, "x", True)
    for prompt, seed in product(prompts, seeds):
        io = RecordingIO(TEXT)
        assert await engine.run(a_request(prompt=prompt, seed=seed), io) == Made(
            artifacts=("1.png",)
        )
        assert Image.open(BytesIO(io.saved["1.png"])).size == (64, 64)


@pytest.mark.parametrize(
    "inputs",
    [
        {"image_url": "https://x.example/a"},
        {"image_urls": ["https://x.example/a"]},
        {"style_images": [{"url": "https://x.example/a", "strength": 1}]},
    ],
)
async def test_an_input_that_is_not_an_image_fails_the_job_with_one_sentence(
    inputs: dict[str, object],
) -> None:
    io = RecordingIO(TEXT)
    with pytest.raises(EngineError, match="not an image; send a JPEG"):
        await SketchEngine().run(a_request(prompt="the sea", **inputs), io)
    assert io.saved == {}
