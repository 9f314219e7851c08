"""PNG (third edition, APNG included): chunks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.media.content import (
    PARTS_MAX,
    Content,
    Copy,
    Facts,
    Looked,
    MediaType,
    Piece,
    number,
    take,
)
from ringback.media.exif import upright_tiff

START = b"\x89PNG\r\n\x1a\n"
_EXIF_BYTES_MAX = 1 << 20
# What decides how the picture looks, and nothing that tells of who made it, when and where.
_KEPT = frozenset(
    (
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT"),
        *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI"),
        *(b"bKGD", b"pHYs", b"hIST", b"sPLT"),
    )
)


class _Chunk(NamedTuple):
    kind: bytes
    offset: int
    length: int  # of its data; 12 bytes more with length, kind and sum


def look(content: Content) -> Looked:
    """Return what a PNG is; texts, times and whatever follows its end are left out."""
    pieces: list[Piece] = [Copy(0, len(START))]
    frames = 1
    has_picture = False
    for place, chunk in enumerate(_chunks(content)):
        if (chunk.kind == b"IHDR") != (place == 0) or (place == 0 and chunk.length != 13):
            raise InvalidMedia("The PNG file does not begin with its one header.")
        has_picture = has_picture or chunk.kind == b"IDAT"
        if chunk.kind == b"acTL" and chunk.length == 8:
            frames = max(1, number(content, chunk.offset + 8, 4))
        if chunk.kind in _KEPT:
            pieces.append(Copy(chunk.offset, chunk.length + 12))
        elif chunk.kind == b"eXIf" and chunk.length <= _EXIF_BYTES_MAX:
            kept = upright_tiff(take(content, chunk.offset + 8, chunk.length))
            pieces += [_chunk(b"eXIf", kept)] if kept else []
    width, height = (number(content, len(START) + at, 4) for at in (8, 12))
    if not has_picture or not width or not height:
        raise InvalidMedia("The PNG file has no picture in it.")
    facts = Facts(media_type=MediaType.PNG, width=width, height=height, frames=frames)
    return Looked(facts=facts, pieces=tuple(pieces))


def blanked(content: Content) -> Iterator[tuple[int, bytes]]:
    """Yield every chunk that ``look`` would leave out as one that says nothing, in its place."""
    for chunk in _chunks(content):
        if chunk.kind not in _KEPT:
            yield chunk.offset, _chunk(b"riNg", bytes(chunk.length))


def _chunks(content: Content) -> Iterator[_Chunk]:
    at = len(START)
    for _ in range(PARTS_MAX):
        count, kind = number(content, at, 4), take(content, at + 4, 4)
        take(content, at + count + 11, 1)
        yield _Chunk(kind, at, count)
        if kind == b"IEND":
            return
        at += count + 12
    raise InvalidMedia("The PNG file has more chunks than are read.")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
