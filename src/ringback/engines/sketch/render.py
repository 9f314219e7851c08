"""Draws one image; deterministic in its arguments. Runs in the drawing process."""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np
from msgspec import Struct
from PIL import Image, PngImagePlugin

from ringback.engines.sketch.compose import compose
from ringback.engines.sketch.pictures import blend, restyle
from ringback.engines.sketch.reading import read, seed_of
from ringback.engines.sketch.style.features import decode_features, grain_of
from ringback.engines.sketch.style.transfer import apply_styles

_WORKING_PIXELS_MAX = 600_000  # larger images are drawn at this size, then enlarged and grained
_PROMPT_CHARACTERS_MAX = 4_000
_BAND_ROWS = 128


class Drawing(Struct, frozen=True, kw_only=True):
    """The image to draw."""

    prompt: str
    seed: int
    model: str
    width: int
    height: int
    images: tuple[bytes, ...] = ()
    strength: float = 0.5  # opacity of the images
    styles: tuple[tuple[bytes, float], ...] = ()
    trained: tuple[tuple[bytes, float], ...] = ()  # features of styles, with strengths


def draw_png(drawing: Drawing) -> bytes:
    """Return a PNG that names its engine; the same drawing gives the same bytes.

    Raises ``EngineError`` when an input image cannot be used.
    """
    width, height = _working_size(drawing.width, drawing.height)
    # The prompt is part of the seed: two prompts of one scene give two images.
    chance = (drawing.seed, seed_of(drawing.prompt))
    pixels = compose(read(drawing.prompt), chance=chance, width=width, height=height).pixels
    if drawing.images:
        blend(pixels, drawing.images, drawing.strength)
    if drawing.styles:
        restyle(pixels, drawing.styles)
    trained = tuple((decode_features(learned), strength) for learned, strength in drawing.trained)
    if trained:
        apply_styles(pixels, trained, np.random.default_rng((*chance, 0)))
    np.clip(pixels, 0, 1, out=pixels)
    image = Image.fromarray(np.ascontiguousarray((pixels * np.float32(255)).astype(np.uint8)))
    if image.size != (drawing.width, drawing.height):
        image = image.resize((drawing.width, drawing.height), Image.Resampling.LANCZOS)
    image = _add_grain(image, drawing.seed, grain_of(trained))
    output = BytesIO()
    image.save(output, "PNG", compress_level=1, pnginfo=_metadata(drawing))
    return output.getvalue()


def _add_grain(image: Image.Image, seed: int, more: float) -> Image.Image:
    """Return the image with fine grain, which hides steps in gradients, and any extra grain."""
    rng = np.random.default_rng(seed + 1)
    grain = rng.integers(-2, 3, (_BAND_ROWS, image.width, 1), np.int16)
    if more:
        grain = (grain + rng.normal(0, 255 * more, grain.shape)).astype(np.int16)
    pixels = np.array(image)
    for top in range(0, image.height, _BAND_ROWS):
        band = pixels[top : top + _BAND_ROWS]
        # Rolled, so that the bands do not repeat each other.
        rolled = np.roll(grain, top * 7, axis=1)[: len(band)]
        band[:] = np.clip(band + rolled, 0, 255)
    return Image.fromarray(pixels)


def _working_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, math.sqrt(_WORKING_PIXELS_MAX / (width * height)))
    return max(16, round(width * scale)), max(16, round(height * scale))


def _metadata(drawing: Drawing) -> PngImagePlugin.PngInfo:
    """Return the text chunks, so that nobody mistakes the image for a model's output."""
    info = PngImagePlugin.PngInfo()
    prompt = drawing.prompt[:_PROMPT_CHARACTERS_MAX].encode("utf-8", "replace").decode()
    info.add_text("Software", "Ringback")
    info.add_text("engine", "sketch")
    info.add_text("model", drawing.model)
    info.add_text("seed", str(drawing.seed))
    info.add_itxt("prompt", prompt.replace("\0", ""))
    return info
