"""HEIC and AVIF: the items of a HEIF file (ISO/IEC 23008-12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    Blank,
    Content,
    Facts,
    MediaType,
    Parsed,
    blank_out,
    read_bytes,
    read_uint,
)
from ringback.files.media.cost import heic_s
from ringback.files.media.derived import check_parts, coded_pixels
from ringback.files.media.isobmff import Box, blank_box, boxes, file_boxes, inside

_TOP_KEPT = frozenset((b"ftyp", b"meta", b"mdat", b"moov"))
_META_KEPT = frozenset(
    (
        *(b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat", b"dinf", b"grpl"),
        b"ipro",
    )
)
# Items that describe the image but hold no pixels: EXIF, XMP and vendors' own.
_ITEMS = frozenset((b"Exif", b"mime", b"uri "))
# Empty EXIF: its offset, a TIFF header, and no entry.
_NOTHING = bytes(4) + b"II*\x00\x08\x00\x00\x00" + bytes(6)


class _Item(NamedTuple):
    item_id: int
    kind: bytes


def parse(content: Content, media_type: MediaType) -> Parsed:
    """Parse a HEIC or AVIF; EXIF, XMP and vendors' own boxes are overwritten in place."""
    top = file_boxes(content, needed=frozenset((b"meta", b"mdat")))
    meta = next((box for box in top if box.kind == b"meta"), None)
    if meta is None:
        raise InvalidMedia("The file has no image.")
    blanks = [blank_box(box) for box in top if box.kind not in _TOP_KEPT]
    parts = list(boxes(content, meta.data + 4, meta.end))
    blanks += [blank_box(box) for box in parts if box.kind not in _META_KEPT]
    found = inside(content, meta, skip=4)
    sizes = list(_sizes(content, found))
    if not sizes:
        raise InvalidMedia("The file has no image size.")
    hidden = {item.item_id: item.kind for item in _items(content, found) if item.kind in _ITEMS}
    for item_id, offset, count in _extents(content, found):
        if count and offset + count > len(content):
            raise InvalidMedia("The file is cut short.")
        if item_id in hidden:
            count = count or len(content)
            start = _NOTHING if hidden[item_id] == b"Exif" else b""
            blanks.append(Blank(offset, count, start[:count]))
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    facts = Facts(media_type=media_type, width=width, height=height, frames=1)
    cost_s = heic_s(
        coded_pixels=coded_pixels(content, found, largest=width * height),
        data_bytes=len(content),
        parts=len(top) + len(parts) + len(sizes),
    )
    return Parsed(facts=facts, pieces=blank_out(top[-1].end, blanks), cost_s=cost_s)


def _sizes(content: Content, found: dict[bytes, Box]) -> Iterator[tuple[int, int]]:
    """Yield the size of every image in the file; the largest is the whole image."""
    iprp = found.get(b"iprp")
    ipco = inside(content, iprp).get(b"ipco") if iprp else None
    for box in boxes(content, ipco.data, ipco.end) if ipco else ():
        if box.kind == b"ispe":
            width, height = read_uint(content, box.data + 4, 4), read_uint(content, box.data + 8, 4)
            if width and height:
                yield width, height


def _items(content: Content, found: dict[bytes, Box]) -> Iterator[_Item]:
    iinf = found.get(b"iinf")
    if iinf is None:
        return
    count_bytes = 2 if read_uint(content, iinf.data, 1) == 0 else 4
    for box in boxes(content, iinf.data + 4 + count_bytes, iinf.end):
        version = read_uint(content, box.data, 1)
        if box.kind == b"infe" and version >= 2:
            id_bytes = 2 if version == 2 else 4
            item_id = read_uint(content, box.data + 4, id_bytes)
            yield _Item(item_id, read_bytes(content, box.data + 6 + id_bytes, 4))


def _extents(content: Content, found: dict[bytes, Box]) -> Iterator[tuple[int, int, int]]:
    """Yield the id, the offset in the file and the length of each item's extents.

    A length of 0 means to the end of the file.
    """
    iloc = found.get(b"iloc")
    if iloc is None:
        return
    read = _Reader(content, iloc.data)
    version = read(1)
    read(3)
    sizes = read(2)
    offset_bytes, count_bytes = sizes >> 12, sizes >> 8 & 15
    base_bytes, index_bytes = sizes >> 4 & 15, sizes & 15 if version else 0
    wide = 2 if version < 2 else 4
    idat = found.get(b"idat")
    parts = 0
    for _ in range(read(wide)):
        item_id = read(wide)
        method = read(2) & 15 if version else 0
        read(2)
        base = read(base_bytes) + (idat.data if method == 1 and idat else 0)
        count = read(2)
        parts += 1 + count
        check_parts(parts)
        for _ in range(count):
            read(index_bytes)
            offset = read(offset_bytes)
            yield item_id, base + offset, read(count_bytes)


class _Reader:
    """Reads consecutive integers."""

    def __init__(self, content: Content, at: int) -> None:
        self._content = content
        self._at = at

    def __call__(self, count: int) -> int:
        value = read_uint(self._content, self._at, count)
        self._at += count
        return value
