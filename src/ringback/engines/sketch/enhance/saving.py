"""Saves enhanced images as JPEG, PNG or WebP, with their original colour profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from ringback.errors import EngineError

_SIDE_MAX = {"jpg": 65_500, "webp": 16_383, "png": 2**31 - 1}
_LARGE_PIXELS = 20_000_000  # above this, WebP is encoded faster and larger


def save(picture: Image.Image, path: Path, *, form: str, profile: bytes | None) -> None:
    """Write the image in that format, or raise ``EngineError`` if the format's limits forbid it."""
    if max(picture.size) > _SIDE_MAX[form]:
        raise EngineError(
            f"A {form} image has at most {_SIDE_MAX[form]:,} pixels a side; "
            "ask for another output_format or a smaller size."
        )
    options: dict[str, Any] = {} if profile is None else {"icc_profile": profile}
    match form:
        case "png":
            picture.save(path, "PNG", compress_level=3, **options)
        case "webp":
            is_large = picture.width * picture.height > _LARGE_PIXELS
            try:
                picture.save(path, "WEBP", quality=92, method=1 if is_large else 4, **options)
            except ValueError as exc:
                # Too much memory, or more detail than one partition of the format can hold.
                raise EngineError(
                    f"An image of {picture.width:,} x {picture.height:,} pixels is too large to "
                    "be a webp; ask for another output_format or a smaller size."
                ) from exc
        case _:
            picture.save(path, "JPEG", quality=94, subsampling=0, **options)
