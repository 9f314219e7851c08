"""RIFF: the chunks of WebP (RFC 9649) and of WAV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    PICTURE_PARTS_MAX,
    Content,
    Copy,
    Facts,
    MediaType,
    Parsed,
    Piece,
    read_bytes,
    read_uint_le,
)
from ringback.files.media.cost import webp_s
from ringback.files.media.exif import upright_tiff

_EXIF_BYTES_MAX = 1 << 20
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WAV_KEPT = frozenset((b"fmt ", b"fact", b"data"))
_HAS_EXIF, _HAS_XMP = 0x08, 0x04
STARTS = (b"RIFF", b"RF64", b"BW64")
"""RF64 (EBU Tech 3306) and BW64 are WAV with lengths of 64 bits in a chunk ``ds64``."""
_UNCOMPRESSED = (1, 3, 0xFFFE)
# No file of this size is taken anywhere: where it is not there, a writer to a pipe made it up.
_LENGTH_BELIEVED_MAX = 1_000_000_000


class _Chunk(NamedTuple):
    kind: bytes
    offset: int
    length: int  # of its data; the chunk has 8 bytes more, and is padded to even


def parse_webp(content: Content) -> Parsed:
    """Parse a WebP; EXIF, XMP and unknown chunks are left out."""
    end = _end(content)
    chunks = list(_chunks(content, end))
    sizes = [size for chunk in chunks if (size := _webp_size(content, chunk))]
    if not sizes:
        raise InvalidMedia("The WebP file has no image.")
    exif = [one for one in chunks if one.kind == b"EXIF" and one.length <= _EXIF_BYTES_MAX]
    tiff = read_bytes(content, exif[0].offset + 8, exif[0].length) if exif else b""
    kept = upright_tiff(tiff.removeprefix(b"Exif\x00\x00"))
    pieces = [_webp_piece(content, one, kept) for one in chunks if one.kind in _WEBP_KEPT]
    if kept and chunks[0].kind == b"VP8X":
        pieces.append(_chunk(b"EXIF", kept))
    width, height = sizes[0]
    frames = max(1, sum(chunk.kind == b"ANMF" for chunk in chunks))
    facts = Facts(media_type=MediaType.WEBP, width=width, height=height, frames=frames)
    cost_s = webp_s(
        pixels=max(wide * high for wide, high in sizes), data_bytes=end, parts=len(chunks)
    )
    pieces = [_header(b"WEBP", pieces), *pieces]
    return Parsed(facts=facts, pieces=tuple(pieces), cost_s=cost_s)


def metadata_ranges(content: Content) -> Iterator[tuple[int, int]]:
    """Yield the offset and length of the chunks that ``parse_webp`` would leave out."""
    for chunk in _chunks(content, _end(content)):
        if chunk.kind not in _WEBP_KEPT:
            yield chunk.offset + 8, chunk.length


def parse_wav(content: Content) -> Parsed:
    """Parse a WAV; all chunks but the format and the sound are left out."""
    kept = [chunk for chunk in _chunks(content, _end(content)) if chunk.kind in _WAV_KEPT]
    by_kind = {chunk.kind: chunk for chunk in reversed(kept)}
    form, data = by_kind.get(b"fmt "), by_kind.get(b"data")
    if form is None or data is None or form.length < 16:
        raise InvalidMedia("The WAV file has no format or no sound.")
    pieces: list[Piece] = []
    for chunk in dict.fromkeys((form, *kept)):
        pieces.append(chunk.kind + chunk.length.to_bytes(4, "little"))
        pieces.append(Copy(chunk.offset + 8, chunk.length))
        pieces.append(bytes(chunk.length % 2))
    duration_s = _duration_s(content, form, data, by_kind.get(b"fact"))
    facts = Facts(media_type=MediaType.WAV, duration_s=duration_s)
    codecs = (f"WAV format {read_uint_le(content, form.offset + 8, 2):#06x}",)
    return Parsed(facts=facts, pieces=(_header(b"WAVE", pieces), *pieces), codecs=codecs)


def _duration_s(content: Content, form: _Chunk, data: _Chunk, fact: _Chunk | None) -> float | None:
    """Return the duration by the rate of bytes, or of a compressed sound by its samples.

    Writers of variable rates state no rate of bytes, and writers to a pipe no samples.
    """
    kind = read_uint_le(content, form.offset + 8, 2)
    samples_per_s, bytes_per_s = (read_uint_le(content, form.offset + at, 4) for at in (12, 16))
    by_bytes_s = data.length / bytes_per_s if bytes_per_s else None
    if fact is None or fact.length < 4 or not samples_per_s or kind in _UNCOMPRESSED:
        return by_bytes_s
    by_samples_s = read_uint_le(content, fact.offset + 8, 4) / samples_per_s
    is_likely = by_samples_s > 0 and (by_bytes_s is None or by_samples_s < 2 * by_bytes_s + 60)
    return by_samples_s if is_likely else by_bytes_s


def _end(content: Content) -> int:
    """Return the offset behind the last chunk's start; interrupted writers leave a wrong one."""
    size = read_uint_le(content, 4, 4)
    return min(8 + size, len(content)) if size > 4 else len(content)


def _chunks(content: Content, end: int) -> Iterator[_Chunk]:
    """Yield the chunks that begin before the end; the last may have more than that says."""
    at = 12
    sound_bytes = 0
    for _ in range(PICTURE_PARTS_MAX):
        if at + 8 > end:
            return
        kind, count = read_bytes(content, at, 4), read_uint_le(content, at + 4, 4)
        left = len(content) - at - 8
        if kind == b"ds64" and count >= 16:
            sound_bytes = read_uint_le(content, at + 16, 8)
        if kind == b"data" and (not count or count > max(left, _LENGTH_BELIEVED_MAX)):
            is_known = count == 0xFFFFFFFF and 0 < sound_bytes <= left
            count = sound_bytes if is_known else left
        if count > left:
            raise InvalidMedia("The file is cut short.")
        yield _Chunk(kind, at, count)
        at += 8 + count + count % 2
    raise InvalidMedia("The file has too many chunks.")


def _webp_size(content: Content, chunk: _Chunk) -> tuple[int, int] | None:
    data = chunk.offset + 8
    if chunk.kind == b"VP8X" and chunk.length >= 10:
        return read_uint_le(content, data + 4, 3) + 1, read_uint_le(content, data + 7, 3) + 1
    if chunk.kind == b"VP8L" and chunk.length >= 5:
        bits = read_uint_le(content, data + 1, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk.kind == b"VP8 " and chunk.length >= 10:
        width, height = read_uint_le(content, data + 6, 2), read_uint_le(content, data + 8, 2)
        return (width & 0x3FFF, height & 0x3FFF) if width and height else None
    return None


def _webp_piece(content: Content, chunk: _Chunk, exif: bytes | None) -> Piece:
    if chunk.kind != b"VP8X" or not chunk.length:
        # The padding byte of an odd length is written here: it may be missing in the file.
        data = read_bytes(content, chunk.offset, 8 + chunk.length)
        return data + bytes(1) if chunk.length % 2 else Copy(chunk.offset, 8 + chunk.length)
    data = read_bytes(content, chunk.offset + 8, chunk.length)
    flags = data[0] & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if exif else 0)
    return _chunk(b"VP8X", bytes([flags]) + data[1:])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)


def _header(form: bytes, pieces: list[Piece]) -> bytes:
    count = sum(piece.length if isinstance(piece, Copy) else len(piece) for piece in pieces)
    return b"RIFF" + (4 + count).to_bytes(4, "little") + form
