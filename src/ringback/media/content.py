"""Bytes of a stranger's file, read where they must be there, and what is kept of them."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from ringback.errors import InvalidMedia

Content = bytes | mmap.mmap

PARTS_MAX = 1_000_000
"""Chunks, boxes, elements or frames that one file may have."""


class MediaType(StrEnum):
    """The types that an asset may have."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    HEIC = "image/heic"
    MP4 = "video/mp4"
    MOV = "video/quicktime"
    WEBM = "video/webm"
    GLB = "model/gltf-binary"
    WAV = "audio/wav"
    MP3 = "audio/mpeg"


PICTURES = frozenset({MediaType.JPEG, MediaType.PNG, MediaType.WEBP, MediaType.HEIC})


class Facts(Struct, frozen=True, kw_only=True):
    """What a file's header says; None where its type has no such thing, or it does not say."""

    media_type: MediaType
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    frames: int | None = None


class Copy(NamedTuple):
    """Bytes of the file that are kept."""

    offset: int
    length: int


class Blank(NamedTuple):
    """Bytes of the file that are written over: with ``start``, then zeros."""

    offset: int
    length: int
    start: bytes = b""


Piece = Copy | bytes


class Looked(Struct, frozen=True, kw_only=True):
    """What a file is, and what it is made of when its metadata are left out."""

    facts: Facts
    pieces: tuple[Piece, ...]


def take(content: Content, offset: int, count: int) -> bytes:
    """Return so many bytes from there, or raise ``InvalidMedia`` when the file ends before."""
    if offset < 0 or count < 0 or offset + count > len(content):
        raise InvalidMedia("The file is cut short.")
    return content[offset : offset + count]


def number(content: Content, offset: int, count: int) -> int:
    """Return so many bytes as a big-endian number."""
    return int.from_bytes(take(content, offset, count))


def number_le(content: Content, offset: int, count: int) -> int:
    """Return so many bytes as a little-endian number."""
    return int.from_bytes(take(content, offset, count), "little")


def counted(parts: Iterable[int]) -> Iterator[int]:
    """Yield the places of parts, or raise ``InvalidMedia`` when there are too many."""
    for count, place in enumerate(parts):
        if count >= PARTS_MAX:
            raise InvalidMedia("The file has more parts than are read.")
        yield place


def without(size: int, blanks: Iterable[Blank]) -> tuple[Piece, ...]:
    """Return the pieces of a file of that size in which some bytes are written over."""
    pieces: list[Piece] = []
    at = 0
    for blank in sorted(blanks):
        offset, end = max(blank.offset, at), min(blank.offset + blank.length, size)
        if end <= offset:
            continue  # it lies within one before it
        if offset > at:
            pieces.append(Copy(at, offset - at))
        start = blank.start if offset == blank.offset else b""
        pieces.append(start[: end - offset] + bytes(end - offset - len(start[: end - offset])))
        at = end
    if at < size:
        pieces.append(Copy(at, size - at))
    return tuple(pieces)
