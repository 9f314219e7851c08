"""Metadata in a sound's file: its length, its texts and its shape."""

from __future__ import annotations

from msgspec import Struct

from ringback.files.artifacts.contract import ArtifactStore, StoredArtifact
from ringback.files.media.id3 import SHAPE, SHAPE_POINTS, texts_in

_HEAD_BYTES = 65_536
_TEXTS_MAX = 12
_LENGTH_MAX = 500
_LENGTH = "TLEN"  # in milliseconds
_LENGTH_S_MAX = 86_400
_HALF = 24  # the height of the shape's half; its width is the number of its points


class SoundMetadata(Struct, frozen=True, kw_only=True):
    """The metadata of a sound's file; ``outline`` is the path of its shape in an SVG."""

    format: str
    length_s: float | None
    outline: str | None
    bytes_count: int
    texts: tuple[tuple[str, str], ...]


async def sound_metadata_of(artifacts: ArtifactStore, artifact: StoredArtifact) -> SoundMetadata:
    """Return the metadata at the beginning of a sound's file."""
    count = min(artifact.size_bytes, _HEAD_BYTES)
    head = b"".join([chunk async for chunk in artifacts.read(artifact, count=count)])
    return read_sound(head, artifact)


def read_sound(head: bytes, artifact: StoredArtifact) -> SoundMetadata:
    """Return the metadata in the first bytes of a sound's file."""
    texts = list(texts_in(head))
    named = dict(texts)
    return SoundMetadata(
        format=artifact.name.rpartition(".")[2].upper(),
        length_s=_length_s(named.get(_LENGTH, "")),
        outline=outline_of(named.get(SHAPE, "")),
        bytes_count=artifact.size_bytes,
        texts=tuple(
            (name[:80], value[:_LENGTH_MAX])
            for name, value in texts[:_TEXTS_MAX]
            if name not in (_LENGTH, SHAPE)
        ),
    )


def outline_of(shape: str) -> str | None:
    """Return the path that fills a sound's shape, mirrored, or None for a text that is none."""
    try:
        peaks = bytes.fromhex(shape)
    except ValueError:
        return None
    if not 1 < len(peaks) <= SHAPE_POINTS:
        return None
    # Never thinner than a line, so that silence is seen too.
    heights = [max(0.4, peak / 255 * _HALF) for peak in peaks]
    above = [f"{at} {_HALF - height:.1f}" for at, height in enumerate(heights)]
    below = [f"{at} {_HALF + height:.1f}" for at, height in enumerate(heights)]
    return f"M{' '.join([*above, *reversed(below)])}z"


def _length_s(text: str) -> float | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    length_s = int(text) / 1000
    return length_s if 0 < length_s < _LENGTH_S_MAX else None
