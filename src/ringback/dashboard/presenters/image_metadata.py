"""Metadata in a picture's file: its size, its format and its texts."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from msgspec import Struct
from PIL import Image

from ringback.files.artifacts.contract import ArtifactStore, StoredArtifact

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")  # whose texts Pillow shows, and whose headers are short
_HEAD_BYTES = 65_536
_TEXTS_MAX = 12
_LENGTH_MAX = 500


class Metadata(Struct, frozen=True, kw_only=True):
    """The metadata of a picture's file."""

    width: int
    height: int
    format: str
    bytes_count: int
    texts: tuple[tuple[str, str], ...]


async def metadata_of(artifacts: ArtifactStore, artifact: StoredArtifact) -> Metadata | None:
    """Return the metadata at the beginning of a picture's file, or None for a film."""
    count = min(artifact.size_bytes, _HEAD_BYTES)
    head = b"".join([chunk async for chunk in artifacts.read(artifact, count=count)])
    return await asyncio.to_thread(_read, head, artifact.size_bytes)


def seed_of(inputs: Mapping[str, Any], texts: Iterable[tuple[str, str]]) -> str | None:
    """Return the seed of a job: that of its input, or else those in its files' texts."""
    seed = inputs.get("seed")
    if isinstance(seed, int | float) and not isinstance(seed, bool):
        return f"{seed:.0f}"
    named = {value for name, value in texts if name == "seed"}
    return ", ".join(sorted(named)) or None


def _read(head: bytes, bytes_count: int) -> Metadata | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large pictures: only the beginning is read
            with Image.open(BytesIO(head), formats=_FORMATS) as picture:
                return Metadata(
                    width=picture.width,
                    height=picture.height,
                    format=picture.format or "",
                    bytes_count=bytes_count,
                    texts=tuple(
                        (str(name)[:80], value[:_LENGTH_MAX])
                        for name, value in list(picture.info.items())[:_TEXTS_MAX]
                        if isinstance(value, str)
                    ),
                )
    except Exception:  # noqa: BLE001 - a hostile file can raise anything at all from a decoder
        return None
