"""Pictures from strangers: decoded with suspicion, in the drawing process alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from ringback.engines.sketch.canvas import Field
from ringback.errors import EngineError
from ringback.media.looking import PICTURE_PIXELS_MAX
from ringback.media.pictures import FORMATS as ASSET_FORMATS

FORMATS = (*ASSET_FORMATS, "GIF")
_SIDE_MAX = 1024  # of an input as the drawing uses it
_PROFILE_BYTES_MAX = 1 << 20
_TOO_LARGE = "An input image is too large; at most 50 megapixels are read."


class Whole(NamedTuple):
    """A picture as it was sent: upright, RGB or RGBA, and what it says of its colours."""

    image: Image.Image
    profile: bytes | None
    is_jpeg: bool


def decode(content: bytes) -> Image.Image:
    """Return the first frame of a picture, perhaps made smaller, or raise ``EngineError``."""
    with _opened(content) as image:
        image.draft("RGB", (2048, 2048))  # lets a JPEG be decoded small
        return ImageOps.exif_transpose(image).convert("RGB")


def decode_whole(content: bytes) -> Whole:
    """Return the first frame of a picture at its full size, or raise ``EngineError``."""
    with _opened(content) as image:
        profile = image.info.get("icc_profile")
        is_kept = (
            image.mode in ("RGB", "RGBA")
            and isinstance(profile, bytes)
            and len(profile) <= _PROFILE_BYTES_MAX
        )
        mode = "RGBA" if image.has_transparency_data else "RGB"
        is_jpeg = image.format == "JPEG"
        upright = ImageOps.exif_transpose(image)
        return Whole(
            image=upright if upright.mode == mode else upright.convert(mode),
            profile=profile if is_kept else None,
            is_jpeg=is_jpeg,
        )


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """Open a stranger's picture for decoding, or raise ``EngineError``.

    Its size is judged by its header, before anything is decoded: Pillow itself only warns.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(content), formats=FORMATS)
            _check_size(image)
            yield image
    except (EngineError, MemoryError):
        raise
    except Image.DecompressionBombError as exc:
        raise EngineError(_TOO_LARGE) from exc
    except Exception as exc:
        # A hostile file can raise anything at all from a decoder; all of it means the same.
        raise EngineError(
            "An input image cannot be read; send a PNG, JPEG, WebP, HEIC or GIF file."
        ) from exc


def shrink(content: bytes) -> bytes:
    """Return a stranger's picture as a small PNG of our own making, or raise ``EngineError``."""
    image = decode(content)
    image.thumbnail((_SIDE_MAX, _SIDE_MAX))
    output = BytesIO()
    image.save(output, "PNG", compress_level=1)
    return output.getvalue()


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > PICTURE_PIXELS_MAX:
        raise EngineError(_TOO_LARGE)


def blend(pixels: Field, images: Sequence[bytes], strength: float) -> None:
    """Let the pictures show through, in broad strokes of few colours."""
    height, width = pixels.shape[:2]
    for content in images:
        fitted = ImageOps.fit(decode(content), (width, height))
        strokes = fitted.filter(ImageFilter.MedianFilter(5)).filter(ImageFilter.GaussianBlur(1.5))
        under = np.asarray(ImageOps.posterize(strokes, 4), dtype=np.float32) / np.float32(255)
        pixels += (under - pixels) * np.float32(strength / len(images))


def restyle(pixels: Field, images: Sequence[tuple[bytes, float]]) -> None:
    """Move the colours towards those of the pictures: their means and spreads."""
    for content, strength in images:
        small = decode(content).resize((64, 64))  # all of it: the colours count, not the shapes
        style = np.asarray(small, dtype=np.float32).reshape(-1, 3) / np.float32(255)
        ours = pixels.reshape(-1, 3)
        spread = (style.std(axis=0) + 0.02) / (ours.std(axis=0) + 0.02)
        moved = (pixels - ours.mean(axis=0)) * np.clip(spread, 0.4, 2.0) + style.mean(axis=0)
        pixels += (moved.astype(np.float32) - pixels) * np.float32(np.clip(strength, -1, 1) * 0.75)
