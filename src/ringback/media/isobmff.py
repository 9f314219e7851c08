"""The boxes of the ISO base media file format (ISO/IEC 14496-12): MP4, MOV and HEIC are made so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.media.content import PARTS_MAX, Blank, Content, number, take

_HEIC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_HEIF = frozenset((b"mif1", b"msf1"))
_MOVIES_OF_OLD = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_BRANDS_MAX = 64


class Box(NamedTuple):
    """A box: its type, where it begins, where its content begins, and where it ends."""

    kind: bytes
    offset: int
    data: int
    end: int


def boxes(content: Content, begin: int, end: int) -> Iterator[Box]:
    """Yield the boxes that lie between two places, or raise ``InvalidMedia``."""
    at = begin
    for _ in range(PARTS_MAX):
        if at + 8 > end:
            return  # less than a header is left: padding
        size, kind, data = number(content, at, 4), take(content, at + 4, 4), at + 8
        if size == 1:
            size, data = number(content, at + 8, 8), at + 16
        elif size == 0:
            size = end - at
        if size < data - at:
            raise InvalidMedia("The file has a box of impossible length.")
        if at + size > end:
            raise InvalidMedia("The file is cut short.")
        yield Box(kind, at, data, at + size)
        at += size
    raise InvalidMedia("The file has more boxes than are read.")


def inside(content: Content, box: Box, *, skip: int = 0) -> dict[bytes, Box]:
    """Return the first box of each type within a box, behind so many bytes of its own."""
    found: dict[bytes, Box] = {}
    for one in boxes(content, box.data + skip, box.end):
        found.setdefault(one.kind, one)
    return found


def brand(content: Content) -> str | None:
    """Return ``heic``, ``mov`` or ``mp4``, or None for what is none of them."""
    size, kind = int.from_bytes(content[:4]), content[4:8]
    if kind in _MOVIES_OF_OLD:
        return "mov"
    if kind != b"ftyp" or not 16 <= size <= 8 + 4 * _BRANDS_MAX:
        return None
    major, others = content[8:12], content[16:size]
    brands = [others[at : at + 4] for at in range(0, len(others), 4)]
    if major in _HEIC or (major in _HEIF and not _HEIC.isdisjoint(brands)):
        return "heic"
    if len(major) < 4 or major in (b"avif", b"avis") or major in _HEIF:
        return None
    return "mov" if major == b"qt  " else "mp4"


def blank_box(box: Box) -> Blank:
    """Return a free box of exactly the same length in a box's place, with nothing in it."""
    size = box.end - box.offset
    if box.data - box.offset == 16:
        return Blank(box.offset, size, (1).to_bytes(4) + b"free" + size.to_bytes(8))
    return Blank(box.offset, size, size.to_bytes(4) + b"free")
