"""Decoders of pictures; loaded in the processes that are limited, and in no other."""

from __future__ import annotations

import warnings
from pathlib import Path

import pillow_heif
from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "HEIF")
_ORIENTATION = 0x0112
_ON_THEIR_SIDE = range(5, 9)

pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def decoded_size(path: Path) -> tuple[int, int]:
    """Return a picture's size as it is shown; whatever its decoder raises goes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged before, by us
        with Image.open(path, formats=FORMATS) as image:
            image.load()
            width, height = image.size
            is_on_its_side = image.getexif().get(_ORIENTATION) in _ON_THEIR_SIDE
            return (height, width) if is_on_its_side else (width, height)
