"""Bounded reads of an untrusted file, and the pieces of it that are kept."""

from __future__ import annotations

import io
import mmap
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from ringback.errors import InvalidMedia

Content = bytes | mmap.mmap

PARTS_MAX = 1_000_000
"""The most boxes, elements or frames that one video or sound may have."""
PICTURE_PARTS_MAX = 100_000
"""The most segments, chunks or blocks of one image; encoders write some thousands."""

SHAPE_MAX = 8.0
"""The most that the width and the height of one pixel of a film may differ; more is a mistake."""


class MediaType(StrEnum):
    """The media types that are found by content; ``parsing.INPUTS`` are those of assets."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    HEIC = "image/heic"
    GIF = "image/gif"
    AVIF = "image/avif"
    TIFF = "image/tiff"
    SVG = "image/svg+xml"
    MP4 = "video/mp4"
    MOV = "video/quicktime"
    WEBM = "video/webm"
    GLB = "model/gltf-binary"
    WAV = "audio/wav"
    MP3 = "audio/mpeg"
    FLAC = "audio/flac"
    OGG = "audio/ogg"
    PLY = "model/ply"


PICTURES = frozenset(
    (
        *(MediaType.JPEG, MediaType.PNG, MediaType.WEBP, MediaType.HEIC),
        *(MediaType.GIF, MediaType.AVIF, MediaType.TIFF),
    )
)
"""The types that are decoded to pixels; an SVG is a document."""
UNKNOWN = "application/octet-stream"
"""The media type of a file whose content tells no type."""


def type_name(media_type: MediaType | None) -> str:
    """Return the name of a type that was found in content, or ``UNKNOWN``."""
    return UNKNOWN if media_type is None else media_type.value


def is_shown_inline(media_type: str) -> bool:
    """Return whether a browser may show a file of that type in a page of its own.

    These are pixels, film and sound. Every other type is downloaded: a browser runs the scripts
    of some (SVG, HTML, XML, PDF), and of unknown types nobody knows.
    """
    kind = media_type.partition(";")[0].strip().lower()
    return kind.startswith(("image/", "video/", "audio/")) and not kind.endswith("+xml")


class Facts(Struct, frozen=True, kw_only=True):
    """The facts in a file's header; None where the type has no such fact, or it is missing."""

    media_type: MediaType
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    frames: int | None = None


class Copy(NamedTuple):
    """A range of the file that is kept."""

    offset: int
    length: int


class Blank(NamedTuple):
    """A range of the file that is overwritten: with ``start``, then zeros."""

    offset: int
    length: int
    start: bytes = b""


Piece = Copy | bytes


class Parsed(Struct, frozen=True, kw_only=True):
    """The facts of a file, and the pieces of its copy without metadata."""

    facts: Facts
    pieces: tuple[Piece, ...]
    codecs: tuple[str, ...] = ()  # of each track, as the file names them
    cost_s: float = 0.0  # estimate for decoding; 0 for types that are not decoded


class StrippedFile(io.RawIOBase):
    """The stripped copy of a mapped file, read without being written anywhere."""

    def __init__(self, content: Content, pieces: tuple[Piece, ...]) -> None:
        self._content = content
        self._pieces = pieces
        lengths = (one.length if isinstance(one, Copy) else len(one) for one in pieces)
        self._starts = list(accumulate(lengths, initial=0))
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, which may be behind the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one piece goes, and return how many bytes that are."""
        if self._at >= self._starts[-1]:
            return 0
        index = bisect_right(self._starts, self._at) - 1
        piece, within = self._pieces[index], self._at - self._starts[index]
        left = self._starts[index + 1] - self._at
        count = min(len(buffer), left)
        if isinstance(piece, Copy):
            begin = piece.offset + within
            buffer[:count] = self._content[begin : begin + count]
        else:
            buffer[:count] = piece[within : within + count]
        self._at += count
        return count


def stripped_bytes(content: Content, pieces: tuple[Piece, ...]) -> bytes:
    """Return the stripped copy of a file."""
    return b"".join(
        content[one.offset : one.offset + one.length] if isinstance(one, Copy) else one
        for one in pieces
    )


@contextmanager
def mapped(path: Path) -> Iterator[Content]:
    """Map a file into memory for parsing; an empty one, which cannot be mapped, is ``b""``."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def read_bytes(content: Content, offset: int, count: int) -> bytes:
    """Return ``count`` bytes at the offset, or raise ``InvalidMedia`` if the file is shorter."""
    if offset < 0 or count < 0 or offset + count > len(content):
        raise InvalidMedia("The file is cut short.")
    return content[offset : offset + count]


def read_uint(content: Content, offset: int, count: int) -> int:
    """Return ``count`` bytes at the offset as a big-endian unsigned integer."""
    return int.from_bytes(read_bytes(content, offset, count))


def read_uint_le(content: Content, offset: int, count: int) -> int:
    """Return ``count`` bytes at the offset as a little-endian unsigned integer."""
    return int.from_bytes(read_bytes(content, offset, count), "little")


def blank_out(size: int, blanks: Iterable[Blank]) -> tuple[Piece, ...]:
    """Return the pieces of a file of that size with some ranges overwritten."""
    pieces: list[Piece] = []
    at = 0
    for blank in sorted(blanks):
        offset, end = max(blank.offset, at), min(blank.offset + blank.length, size)
        if end <= offset:
            continue  # contained in an earlier range
        if offset > at:
            pieces.append(Copy(at, offset - at))
        start = blank.start if offset == blank.offset else b""
        pieces.append(start[: end - offset] + bytes(end - offset - len(start[: end - offset])))
        at = end
    if at < size:
        pieces.append(Copy(at, size - at))
    return tuple(pieces)
