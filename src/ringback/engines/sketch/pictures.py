"""Decodes untrusted images, only in the confined processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from ringback.engines.sketch.canvas import Field
from ringback.engines.sketch.image_cost import parsed_picture
from ringback.errors import EngineError
from ringback.files.media.content import stripped_bytes
from ringback.files.media.cost import time_limit_s
from ringback.files.media.parsing import PICTURE_NAMES, PICTURE_PIXELS_MAX
from ringback.files.media.pictures import as_shown, in_own_colours, on_white, open_picture
from ringback.files.media.process import cpu_limit

_SIDE_MAX = 1024  # of an input as drawing uses it
_TOO_LARGE = "An input image is too large; at most 50 megapixels are read."


class Whole(NamedTuple):
    """An input image at full size: upright, RGB or RGBA, with its colour profile."""

    image: Image.Image
    profile: bytes | None
    is_jpeg: bool


def decode(content: bytes) -> Image.Image:
    """Return the first frame of an image, possibly reduced, or raise ``EngineError``.

    It is upright, in sRGB, and on white where it is transparent.
    """
    with _open(content) as image:
        image.draft("RGB", (2048, 2048))  # lets a JPEG be decoded small
        return on_white(as_shown(image))


def decode_whole(content: bytes) -> Whole:
    """Return the first frame of an image at full size, or raise ``EngineError``."""
    with _open(content) as image:
        is_jpeg = image.format == "JPEG"
        own = in_own_colours(image)
        shown, profile = (as_shown(image), None) if own is None else own
        return Whole(image=shown, profile=profile, is_jpeg=is_jpeg)


@contextmanager
def _open(content: bytes) -> Iterator[Image.Image]:
    """Open an untrusted image for decoding, or raise ``EngineError``.

    Its size and cost are checked by its structure, before anything is decoded. As of an upload,
    only the copy without metadata is decoded, so broken metadata does no harm, and both doors
    come to the same verdict.
    """
    parsed = parsed_picture(content)
    try:
        with (
            cpu_limit(time_limit_s(parsed.cost_s)),
            open_picture(stripped_bytes(content, parsed.pieces)) as image,
        ):
            _check_size(image)  # again, with the decoder's own result
            yield image
    except (EngineError, MemoryError):
        raise
    except Image.DecompressionBombError as exc:
        raise EngineError(_TOO_LARGE) from exc
    except Exception as exc:
        # A hostile file can make a decoder raise anything; all of it means the same.
        raise EngineError(
            "An input image cannot be read: the file is broken, cut short or of a rare kind. "
            f"Send another {PICTURE_NAMES} file."
        ) from exc


def shrink(content: bytes) -> bytes:
    """Return an untrusted image as a new, small PNG, or raise ``EngineError``."""
    image = decode(content)
    image.thumbnail((_SIDE_MAX, _SIDE_MAX))
    output = BytesIO()
    image.save(output, "PNG", compress_level=1)
    return output.getvalue()


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > PICTURE_PIXELS_MAX:
        raise EngineError(_TOO_LARGE)


def blend(pixels: Field, images: Sequence[bytes], strength: float) -> None:
    """Blend in the images, as broad strokes of few colours."""
    height, width = pixels.shape[:2]
    for content in images:
        fitted = ImageOps.fit(decode(content), (width, height))
        strokes = fitted.filter(ImageFilter.MedianFilter(5)).filter(ImageFilter.GaussianBlur(1.5))
        under = np.asarray(ImageOps.posterize(strokes, 4), dtype=np.float32) / np.float32(255)
        pixels += (under - pixels) * np.float32(strength / len(images))


def restyle(pixels: Field, images: Sequence[tuple[bytes, float]]) -> None:
    """Move the colours towards the means and spreads of the images' colours."""
    for content, strength in images:
        small = decode(content).resize((64, 64))  # only its colours matter
        style = np.asarray(small, dtype=np.float32).reshape(-1, 3) / np.float32(255)
        ours = pixels.reshape(-1, 3)
        spread = (style.std(axis=0) + 0.02) / (ours.std(axis=0) + 0.02)
        moved = (pixels - ours.mean(axis=0)) * np.clip(spread, 0.4, 2.0) + style.mean(axis=0)
        pixels += (moved.astype(np.float32) - pixels) * np.float32(np.clip(strength, -1, 1) * 0.75)
