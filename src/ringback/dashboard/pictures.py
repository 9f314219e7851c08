"""What a picture's own file says: its size, its form and the texts in it."""

from __future__ import annotations

import asyncio
import warnings
from pathlib import Path

from msgspec import Struct
from PIL import Image

_TEXTS_MAX = 12
_LENGTH_MAX = 500


class Metadata(Struct, frozen=True, kw_only=True):
    """What is written in a picture's file."""

    width: int
    height: int
    form: str
    bytes_count: int
    texts: tuple[tuple[str, str], ...]


async def metadata_of(path: Path) -> Metadata | None:
    """Return what a picture's file says, or None for a film and for a file that is gone."""
    return await asyncio.to_thread(_read, path)


def _read(path: Path) -> Metadata | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its size: only the head of the file is read
            with Image.open(path) as picture:
                return Metadata(
                    width=picture.width,
                    height=picture.height,
                    form=picture.format or "",
                    bytes_count=path.stat().st_size,
                    texts=tuple(
                        (str(name)[:80], value[:_LENGTH_MAX])
                        for name, value in list(picture.info.items())[:_TEXTS_MAX]
                        if isinstance(value, str)
                    ),
                )
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
