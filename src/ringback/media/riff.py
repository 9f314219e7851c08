"""RIFF: the chunks of WebP (RFC 9649) and of WAV."""

from __future__ import annotations

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
    number_le,
    take,
)
from ringback.media.exif import upright_tiff

_EXIF_BYTES_MAX = 1 << 20
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WAV_KEPT = frozenset((b"fmt ", b"fact", b"data"))
_HAS_EXIF, _HAS_XMP = 0x08, 0x04
_TO_THE_END = (0, 0xFFFFFFFF)  # what those write who do not know yet how much will follow


class _Chunk(NamedTuple):
    kind: bytes
    offset: int
    length: int  # of its data; 8 bytes more with kind and length, and one where that is odd


def look_webp(content: Content) -> Looked:
    """Return what a WebP is; EXIF, XMP and unknown chunks are left out."""
    end = 8 + number_le(content, 4, 4)
    take(content, end - 1, 1)
    chunks = list(_chunks(content, end))
    sizes = [size for chunk in chunks if (size := _webp_size(content, chunk))]
    if not sizes:
        raise InvalidMedia("The WebP file has no picture in it.")
    exif = [one for one in chunks if one.kind == b"EXIF" and one.length <= _EXIF_BYTES_MAX]
    tiff = take(content, exif[0].offset + 8, exif[0].length) if exif else b""
    kept = upright_tiff(tiff.removeprefix(b"Exif\x00\x00"))
    pieces = [_webp_piece(content, one, kept) for one in chunks if one.kind in _WEBP_KEPT]
    if kept and chunks[0].kind == b"VP8X":
        pieces.append(_chunk(b"EXIF", kept))
    width, height = sizes[0]
    frames = max(1, sum(chunk.kind == b"ANMF" for chunk in chunks))
    facts = Facts(media_type=MediaType.WEBP, width=width, height=height, frames=frames)
    return Looked(facts=facts, pieces=(_header(b"WEBP", pieces), *pieces))


def hidden(content: Content) -> Iterator[tuple[int, int]]:
    """Yield offset and length of what ``look_webp`` would leave out of a WebP."""
    for chunk in _chunks(content, 8 + number_le(content, 4, 4)):
        if chunk.kind not in _WEBP_KEPT:
            yield chunk.offset + 8, chunk.length


def look_wav(content: Content) -> Looked:
    """Return what a WAV is; everything but its format and its sound is left out."""
    # Writers that do not know how long it will be, or were interrupted, leave the length wrong.
    size = number_le(content, 4, 4)
    end = len(content) if size in _TO_THE_END else min(8 + size, len(content))
    kept = [chunk for chunk in _chunks(content, end) if chunk.kind in _WAV_KEPT]
    by_kind = {chunk.kind: chunk for chunk in reversed(kept)}
    form, data = by_kind.get(b"fmt "), by_kind.get(b"data")
    if form is None or data is None or form.length < 16:
        raise InvalidMedia("The WAV file has no format or no sound in it.")
    bytes_per_s = number_le(content, form.offset + 16, 4)
    if not bytes_per_s:
        raise InvalidMedia("The WAV file does not say how long its sound is.")
    pieces: list[Piece] = []
    for chunk in dict.fromkeys((form, *kept)):
        pieces.append(chunk.kind + chunk.length.to_bytes(4, "little"))
        pieces.append(Copy(chunk.offset + 8, chunk.length))
        pieces.append(bytes(chunk.length % 2))
    facts = Facts(media_type=MediaType.WAV, duration_s=data.length / bytes_per_s)
    return Looked(facts=facts, pieces=(_header(b"WAVE", pieces), *pieces))


def _chunks(content: Content, end: int) -> Iterator[_Chunk]:
    at = 12
    for _ in range(PARTS_MAX):
        if at + 8 > end:
            return
        kind, count = take(content, at, 4), number_le(content, at + 4, 4)
        if kind == b"data" and count in _TO_THE_END:
            count = end - at - 8
        if at + 8 + count > end:
            raise InvalidMedia("The file is cut short.")
        yield _Chunk(kind, at, count)
        at += 8 + count + count % 2
    raise InvalidMedia("The file has more chunks than are read.")


def _webp_size(content: Content, chunk: _Chunk) -> tuple[int, int] | None:
    data = chunk.offset + 8
    if chunk.kind == b"VP8X" and chunk.length >= 10:
        return number_le(content, data + 4, 3) + 1, number_le(content, data + 7, 3) + 1
    if chunk.kind == b"VP8L" and chunk.length >= 5:
        bits = number_le(content, data + 1, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk.kind == b"VP8 " and chunk.length >= 10:
        width, height = number_le(content, data + 6, 2), number_le(content, data + 8, 2)
        return (width & 0x3FFF, height & 0x3FFF) if width and height else None
    return None


def _webp_piece(content: Content, chunk: _Chunk, exif: bytes | None) -> Piece:
    if chunk.kind != b"VP8X" or not chunk.length:
        # The byte that makes the length even is written by whoever is odd: it may be missing.
        data = take(content, chunk.offset, 8 + chunk.length)
        return data + bytes(1) if chunk.length % 2 else Copy(chunk.offset, 8 + chunk.length)
    data = take(content, chunk.offset + 8, chunk.length)
    flags = data[0] & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if exif else 0)
    return _chunk(b"VP8X", bytes([flags]) + data[1:])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)


def _header(form: bytes, pieces: list[Piece]) -> bytes:
    count = sum(piece.length if isinstance(piece, Copy) else len(piece) for piece in pieces)
    return b"RIFF" + (4 + count).to_bytes(4, "little") + form
