"""What a picture's own file says: its size, its form and the texts in it."""

from __future__ import annotations

import asyncio
import warnings
from io import BytesIO

from msgspec import Struct
from PIL import Image

from ringback.artifacts.contract import ArtifactStore, StoredArtifact

_HEAD_BYTES = 65_536
_TEXTS_MAX = 12
_LENGTH_MAX = 500


class Metadata(Struct, frozen=True, kw_only=True):
    """What is written in a picture's file."""

    width: int
    height: int
    form: str
    bytes_count: int
    texts: tuple[tuple[str, str], ...]


async def metadata_of(artifacts: ArtifactStore, artifact: StoredArtifact) -> Metadata | None:
    """Return what the head of a picture's file says, or None for a film."""
    count = min(artifact.size_bytes, _HEAD_BYTES)
    head = b"".join([chunk async for chunk in artifacts.read(artifact, count=count)])
    return await asyncio.to_thread(_read, head, artifact.size_bytes)


def _read(head: bytes, bytes_count: int) -> Metadata | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its size: only the head of the file is read
            with Image.open(BytesIO(head)) as picture:
                return Metadata(
                    width=picture.width,
                    height=picture.height,
                    form=picture.format or "",
                    bytes_count=bytes_count,
                    texts=tuple(
                        (str(name)[:80], value[:_LENGTH_MAX])
                        for name, value in list(picture.info.items())[:_TEXTS_MAX]
                        if isinstance(value, str)
                    ),
                )
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
