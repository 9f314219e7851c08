"""PNG (third edition, APNG included): chunks."""

from __future__ import annotations

import zlib
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
    read_uint,
)
from ringback.files.media.cost import png_s
from ringback.files.media.exif import upright_tiff

START = b"\x89PNG\r\n\x1a\n"
_EXIF_BYTES_MAX = 1 << 20
_ANCILLARY = 0x20  # the flag in the first letter of a chunk that a decoder may leave out
_ANCILLARY_BYTES_MAX = 4 << 20
_PROFILE_BYTES_MAX = 1 << 20  # the most that Pillow decompresses
_LENGTHS = {
    kind: length
    for length, kinds in (
        (1, (b"sRGB",)),
        (4, (b"gAMA", b"cICP")),
        (8, (b"cLLI", b"acTL")),
        (9, (b"pHYs",)),
        (24, (b"mDCV",)),
        (26, (b"fcTL",)),
        (32, (b"cHRM",)),
    )
    for kind in kinds
}
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_END_BYTES = len(_END)
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by colour type
# The chunks that affect the pixels; others may identify the author, the time or the place.
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
    length: int  # of its data; the whole chunk has 12 bytes more


def parse(content: Content) -> Parsed:
    """Parse a PNG; texts, times and any data after its end are left out."""
    pieces: list[Piece] = [Copy(0, len(START))]
    frames = 1
    parts = data_bytes = 0
    has_picture = False
    for index, chunk in enumerate(_chunks(content)):
        if (chunk.kind == b"IHDR") != (index == 0) or (index == 0 and chunk.length != 13):
            raise InvalidMedia("The PNG file does not begin with a single header.")
        has_picture = has_picture or chunk.kind == b"IDAT"
        parts, data_bytes = index + 1, data_bytes + chunk.length
        if chunk.kind == b"acTL" and chunk.length == 8:
            frames = max(1, read_uint(content, chunk.offset + 8, 4))
        if chunk.kind in _KEPT and _is_sound(content, chunk):
            pieces.append(Copy(chunk.offset, chunk.length + 12))
        elif chunk.kind == b"eXIf" and chunk.length <= _EXIF_BYTES_MAX:
            kept = upright_tiff(read_bytes(content, chunk.offset + 8, chunk.length))
            pieces += [_chunk(b"eXIf", kept)] if kept else []
    if chunk.kind != b"IEND":
        pieces.append(_chunk(b"IEND", b""))
    width, height = (read_uint(content, len(START) + at, 4) for at in (8, 12))
    if not has_picture or not width or not height:
        raise InvalidMedia("The PNG file has no image.")
    facts = Facts(media_type=MediaType.PNG, width=width, height=height, frames=frames)
    depth, colour = (read_uint(content, len(START) + at, 1) for at in (16, 17))
    bytes_per_pixel = _SAMPLES.get(colour, 4) * max(1, depth // 8)
    cost_s = png_s(
        pixels=width * height, bytes_per_pixel=bytes_per_pixel, data_bytes=data_bytes, parts=parts
    )
    return Parsed(facts=facts, pieces=tuple(pieces), cost_s=cost_s)


def blanked(content: Content) -> Iterator[tuple[int, bytes]]:
    """Yield an empty chunk of the same length for every chunk that ``parse`` would leave out."""
    for chunk in _chunks(content):
        if chunk.kind not in _KEPT:
            yield chunk.offset, _chunk(b"riNg", bytes(chunk.length))


def _is_sound(content: Content, chunk: _Chunk) -> bool:
    """Return whether a decoder can take a chunk; without a broken ancillary one it can go on."""
    if not chunk.kind[0] & _ANCILLARY or chunk.kind == b"fdAT":
        return True
    if (
        chunk.length > _ANCILLARY_BYTES_MAX
        or _LENGTHS.get(chunk.kind, chunk.length) != chunk.length
    ):
        return False
    data = read_bytes(content, chunk.offset + 4, chunk.length + 4)
    if zlib.crc32(data) != read_uint(content, chunk.offset + 8 + chunk.length, 4):
        return False
    return chunk.kind != b"iCCP" or _has_profile(data[4:])


def _has_profile(data: bytes) -> bool:
    """Return whether an iCCP chunk is a name and a compressed profile of bearable length."""
    _, separator, rest = data.partition(b"\0")
    if not separator or rest[:1] != b"\0":
        return False
    reader = zlib.decompressobj()
    try:
        reader.decompress(rest[1:], _PROFILE_BYTES_MAX)
    except zlib.error:
        return False
    return reader.eof


def _chunks(content: Content) -> Iterator[_Chunk]:
    """Yield the chunks to the last one, which is written anew: it may be missing or cut."""
    at = len(START)
    has_data = False
    for _ in range(PICTURE_PARTS_MAX):
        if has_data and _END.startswith(content[at : at + _END_BYTES]):
            return
        count, kind = read_uint(content, at, 4), read_bytes(content, at + 4, 4)
        read_bytes(content, at + count + 11, 1)
        yield _Chunk(kind, at, count)
        if kind == b"IEND":
            return
        has_data = has_data or kind == b"IDAT"
        at += count + 12
    raise InvalidMedia("The PNG file has too many chunks.")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
