"""Boxes of the ISO base media file format (ISO/IEC 14496-12), the base of MP4, MOV and HEIC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media.content import PARTS_MAX, Blank, Content, read_bytes, read_uint

_HEIC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_AVIF = frozenset((b"avif", b"avis"))
_HEIF = frozenset((b"mif1", b"msf1", b"miaf", b"1pic"))
_MOVIES_OF_OLD = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_BRANDS_MAX = 64
# A box of these types that goes beyond the file is one of it; of any other type it is a trailer.
_KNOWN = frozenset((b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"meta", b"sidx", b"uuid"))


class Box(NamedTuple):
    """A box: its type, and the offsets of its start, its content and its end."""

    kind: bytes
    offset: int
    data: int
    end: int


def boxes(content: Content, begin: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two offsets, or raise ``InvalidMedia``.

    A box of wrong length ends with the box that it is in, as for players.
    """
    for box, size in _sized_boxes(content, begin, end):
        if size < box.data - box.offset:
            raise InvalidMedia("The file has a box of impossible length.")
        yield box


def file_boxes(content: Content, *, needed: frozenset[bytes]) -> list[Box]:
    """Return a file's own boxes, or raise ``InvalidMedia``.

    Data after the ``needed`` boxes that is no box is a trailer: the list ends before it. A box
    ``mdat`` of wrong length ends with the file; its samples show whether anything is missing. Any
    other known box that the file does not hold is cut short.
    """
    found: list[Box] = []
    kinds: set[bytes] = set()
    for box, size in _sized_boxes(content, 0, len(content)):
        is_broken = size < box.data - box.offset or (
            size > box.end - box.offset and box.kind != b"mdat"
        )
        if is_broken and box.kind not in _KNOWN and needed <= kinds:
            return found
        if size < box.data - box.offset:
            raise InvalidMedia("The file has a box of impossible length.")
        if is_broken:
            raise InvalidMedia("The file is cut short.")
        found.append(box)
        kinds.add(box.kind)
    return found


def _sized_boxes(content: Content, begin: int, end: int) -> Iterator[tuple[Box, int]]:
    """Yield the boxes, none beyond the end, each with the length that it states."""
    at = begin
    for _ in range(PARTS_MAX):
        if at + 8 > end:
            return  # less than a header: padding
        size, kind, data = read_uint(content, at, 4), read_bytes(content, at + 4, 4), at + 8
        if size == 1 and at + 16 <= end:
            size, data = read_uint(content, at + 8, 8), at + 16
        elif size == 0:
            size = end - at
        yield Box(kind, at, data, min(end, max(data, at + size))), size
        at += size
    raise InvalidMedia("The file has too many boxes.")


def inside(content: Content, box: Box, *, skip: int = 0) -> dict[bytes, Box]:
    """Return the first child of each type in a box, after ``skip`` bytes of its content."""
    found: dict[bytes, Box] = {}
    for one in boxes(content, box.data + skip, box.end):
        found.setdefault(one.kind, one)
    return found


def brand(content: Content) -> str | None:
    """Return ``heic``, ``avif``, ``mov`` or ``mp4``, or None for other files."""
    size, kind = int.from_bytes(content[:4]), content[4:8]
    if kind in _MOVIES_OF_OLD:
        return "mov"
    if kind != b"ftyp" or not 16 <= size <= 8 + 4 * _BRANDS_MAX:
        return None
    major, others = content[8:12], content[16:size]
    brands = [others[at : at + 4] for at in range(0, len(others), 4)]
    if major in _HEIC or (major in _HEIF and not _HEIC.isdisjoint(brands)):
        return "heic"
    if major in _AVIF or (major in _HEIF and not _AVIF.isdisjoint(brands)):
        return "avif"
    if len(major) < 4 or major in _HEIF:
        return None
    return "mov" if major == b"qt  " else "mp4"


def resized(box: Box) -> Blank:
    """Return a box's header with the length that the box has in the file."""
    size = box.end - box.offset
    if box.data - box.offset == 16:
        return Blank(box.offset + 8, 8, size.to_bytes(8))
    return Blank(box.offset, 4, size.to_bytes(4))


def blank_box(box: Box) -> Blank:
    """Return an empty free box of exactly the same length as a box."""
    size = box.end - box.offset
    if box.data - box.offset == 16:
        return Blank(box.offset, size, (1).to_bytes(4) + b"free" + size.to_bytes(8))
    return Blank(box.offset, size, size.to_bytes(4) + b"free")
