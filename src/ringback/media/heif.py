"""HEIC: the items of a HEIF file (ISO/IEC 23008-12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.media.content import (
    PARTS_MAX,
    Blank,
    Content,
    Facts,
    Looked,
    MediaType,
    number,
    take,
    without,
)
from ringback.media.isobmff import Box, blank_box, boxes, inside

_TOP_KEPT = frozenset((b"ftyp", b"meta", b"mdat", b"moov"))
_META_KEPT = frozenset(
    (
        *(b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat", b"dinf", b"grpl"),
        b"ipro",
    )
)
# Of what tells of the picture and is none: EXIF, XMP and others' own.
_ITEMS = frozenset((b"Exif", b"mime", b"uri "))
# EXIF that says nothing: where it begins, a TIFF header, and no entry.
_NOTHING = bytes(4) + b"II*\x00\x08\x00\x00\x00" + bytes(6)


class _Item(NamedTuple):
    item_id: int
    kind: bytes


def look(content: Content) -> Looked:
    """Return what a HEIC is; EXIF, XMP and others' own boxes are written over, in their place."""
    top = list(boxes(content, 0, len(content)))
    meta = next((box for box in top if box.kind == b"meta"), None)
    if meta is None:
        raise InvalidMedia("The HEIC file has no picture in it.")
    blanks = [blank_box(box) for box in top if box.kind not in _TOP_KEPT]
    parts = list(boxes(content, meta.data + 4, meta.end))
    blanks += [blank_box(box) for box in parts if box.kind not in _META_KEPT]
    found = inside(content, meta, skip=4)
    sizes = list(_sizes(content, found))
    if not sizes:
        raise InvalidMedia("The HEIC file does not say how large its picture is.")
    hidden = {item.item_id: item.kind for item in _items(content, found) if item.kind in _ITEMS}
    for item_id, offset, count in _extents(content, found):
        if item_id in hidden:
            start = _NOTHING if hidden[item_id] == b"Exif" else b""
            blanks.append(Blank(offset, count, start[:count]))
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    facts = Facts(media_type=MediaType.HEIC, width=width, height=height, frames=1)
    return Looked(facts=facts, pieces=without(len(content), blanks))


def _sizes(content: Content, found: dict[bytes, Box]) -> Iterator[tuple[int, int]]:
    """Yield the size of every picture in the file, of which the largest is the whole."""
    iprp = found.get(b"iprp")
    ipco = inside(content, iprp).get(b"ipco") if iprp else None
    for box in boxes(content, ipco.data, ipco.end) if ipco else ():
        if box.kind == b"ispe":
            width, height = number(content, box.data + 4, 4), number(content, box.data + 8, 4)
            if width and height:
                yield width, height


def _items(content: Content, found: dict[bytes, Box]) -> Iterator[_Item]:
    iinf = found.get(b"iinf")
    if iinf is None:
        return
    count_bytes = 2 if number(content, iinf.data, 1) == 0 else 4
    for box in boxes(content, iinf.data + 4 + count_bytes, iinf.end):
        version = number(content, box.data, 1)
        if box.kind == b"infe" and version >= 2:
            id_bytes = 2 if version == 2 else 4
            item_id = number(content, box.data + 4, id_bytes)
            yield _Item(item_id, take(content, box.data + 6 + id_bytes, 4))


def _extents(content: Content, found: dict[bytes, Box]) -> Iterator[tuple[int, int, int]]:
    """Yield where the items lie: id, offset in the file, and count."""
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
        for _ in range(read(2)):
            parts += 1
            if parts > PARTS_MAX:
                raise InvalidMedia("The HEIC file has more parts than are read.")
            read(index_bytes)
            offset = read(offset_bytes)
            yield item_id, base + offset, read(count_bytes) or len(content)


class _Reader:
    """Reads numbers one after the other."""

    def __init__(self, content: Content, at: int) -> None:
        self._content = content
        self._at = at

    def __call__(self, count: int) -> int:
        value = number(self._content, self._at, count)
        self._at += count
        return value
