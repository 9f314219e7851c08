"""TIFF (revision 6.0) and BigTIFF: the directories of its pages, and the data they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    PICTURE_PARTS_MAX,
    Blank,
    Content,
    Facts,
    MediaType,
    Parsed,
    blank_out,
    read_bytes,
)
from ringback.files.media.cost import tiff_s

STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_TYPE_BYTES = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
_PAGES_MAX = 1_000
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _ORIENTATION, _SAMPLES = 254, 256, 257, 258, 274, 277
_SUB_DIRECTORIES, _DNG_VERSION = 330, 50706
_REDUCED = 1  # the flag of a page that is another one's thumbnail
# The tags of offsets into the pixels' data, each with that of the lengths.
_DATA = {273: 279, 324: 325, 513: 514}
# The tags that affect the pixels; others may identify the author, the time or the place.
_KEPT = frozenset(
    (
        *range(254, 260),
        *(262, 263, 266, 273, 274, *range(277, 285), *range(290, 294), 296, 301, 317, 318, 319),
        *(320, 321, *range(322, 326), 332, 334, 336, *range(338, 342), 347),
        *(512, 513, 514, 515, 519, 520, 521, *range(529, 533), 34675),
    )
)


class _Entry(NamedTuple):
    tag: int
    at: int  # of the entry
    values_at: int
    value_bytes: int  # of one value
    number: int  # of values


class _Page(NamedTuple):
    offset: int
    length: int
    entries: list[_Entry]
    next_at: int


def parse(content: Content) -> Parsed:
    """Parse a TIFF; everything that no page needs for its pixels is overwritten in place."""
    reader = _Reader(content)
    pages = list(_pages(reader))
    found = {one.tag: one for one in pages[0].entries}

    def number(tag: int, default: int) -> int:
        return reader.values(found[tag])[0] if tag in found else default

    is_thumbnail = number(_SUBFILE, 0) & _REDUCED and _SUB_DIRECTORIES in found
    if is_thumbnail or _DNG_VERSION in found or content[8:10] == b"CR":
        raise InvalidMedia("The file is a camera's raw image; send it developed, as JPEG or TIFF.")
    width, height = number(_WIDTH, 0), number(_HEIGHT, 0)
    if not width or not height:
        raise InvalidMedia("The TIFF file has no image.")
    bits = number(_BITS, 1) * number(_SAMPLES, 1)
    kept, data_bytes, parts = _kept(reader, pages)
    blanks = [*_gaps(kept, len(content)), *(_directory(reader, page) for page in pages)]
    if number(_ORIENTATION, 1) >= 5:
        width, height = height, width
    return Parsed(
        facts=Facts(media_type=MediaType.TIFF, width=width, height=height, frames=len(pages)),
        pieces=blank_out(len(content), blanks),
        cost_s=tiff_s(pixels=width * height, bits=bits, data_bytes=data_bytes, parts=parts),
    )


class _Reader:
    """Reads integers in a file's byte order and width of offsets."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self._order: Literal["little", "big"] = "little" if content[:1] == b"I" else "big"
        self.is_big = content[2:4] in (b"+\x00", b"\x00+")
        self.offset_bytes = 8 if self.is_big else 4

    def uint(self, at: int, count: int) -> int:
        return int.from_bytes(read_bytes(self.content, at, count), self._order)

    def bytes_of(self, value: int, count: int) -> bytes:
        return value.to_bytes(count, self._order)

    def values(self, entry: _Entry, count_max: int = 1) -> list[int]:
        size = entry.value_bytes
        count = min(entry.number, count_max)
        return [self.uint(entry.values_at + size * one, size) for one in range(count)] or [0]


def _pages(reader: _Reader) -> Iterator[_Page]:
    """Yield the pages; a chain of directories that comes back or leads nowhere ends."""
    at = reader.uint(8 if reader.is_big else 4, reader.offset_bytes)
    seen: set[int] = set()
    parts = 0
    while at and at not in seen:
        if len(seen) >= _PAGES_MAX:
            raise InvalidMedia(f"The TIFF file has more than {_PAGES_MAX} pages.")
        if seen and at >= len(reader.content):
            return
        seen.add(at)
        page = _page(reader, at)
        parts += len(page.entries)
        if parts > PICTURE_PARTS_MAX:
            raise InvalidMedia("The TIFF file has too many parts.")
        yield page
        at = page.next_at
    if not seen:
        raise InvalidMedia("The TIFF file has no image.")


def _page(reader: _Reader, at: int) -> _Page:
    count_bytes, entry_bytes = (8, 20) if reader.is_big else (2, 12)
    count = reader.uint(at, count_bytes)
    length = count_bytes + entry_bytes * count + reader.offset_bytes
    read_bytes(reader.content, at + length - 1, 1)
    entries = []
    for index in range(count):
        begin = at + count_bytes + entry_bytes * index
        size = _TYPE_BYTES.get(reader.uint(begin + 2, 2))
        if size is None:
            continue  # a type of the future
        values = reader.uint(begin + 4, reader.offset_bytes)
        values_at = begin + 4 + reader.offset_bytes
        if values * size > reader.offset_bytes:
            values_at = reader.uint(values_at, reader.offset_bytes)
        entries.append(_Entry(reader.uint(begin, 2), begin, values_at, size, values))
    next_at = reader.uint(at + length - reader.offset_bytes, reader.offset_bytes)
    return _Page(at, length, entries, next_at)


def _kept(reader: _Reader, pages: list[_Page]) -> tuple[list[tuple[int, int]], int, int]:
    """Return the ranges that are kept, the bytes of the first page's data, and all parts."""
    ranges = [(0, 16 if reader.is_big else 8)]
    data_bytes = parts = 0
    for number, page in enumerate(pages):
        ranges.append((page.offset, page.offset + page.length))
        by_tag = {one.tag: one for one in page.entries}
        for entry in page.entries:
            end = entry.values_at + entry.value_bytes * entry.number
            if entry.tag in _KEPT:
                read_bytes(reader.content, entry.values_at, end - entry.values_at)
                ranges.append((entry.values_at, end))
        for offsets, lengths in _DATA.items():
            if offsets not in by_tag:
                continue
            parts += by_tag[offsets].number
            if parts > PICTURE_PARTS_MAX:
                raise InvalidMedia("The TIFF file has too many parts.")
            for begin, end in _data(reader, by_tag[offsets], by_tag.get(lengths)):
                ranges.append((begin, end))
                data_bytes += 0 if number else end - begin
    return ranges, data_bytes, parts


def _data(reader: _Reader, offsets: _Entry, lengths: _Entry | None) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a page's strips or tiles; one without a length goes to the end."""
    size = len(reader.content)
    begins = reader.values(offsets, offsets.number)
    counts = [] if lengths is None else reader.values(lengths, offsets.number)
    for index, begin in enumerate(begins):
        count = counts[index] if index < len(counts) else 0
        if begin > size or begin + count > size:
            raise InvalidMedia("The file is cut short.")
        yield begin, begin + count if count else size


def _gaps(ranges: list[tuple[int, int]], size: int) -> Iterator[Blank]:
    at = 0
    for begin, end in sorted(ranges):
        if begin > at:
            yield Blank(at, begin - at)
        at = max(at, end)
    if at < size:
        yield Blank(at, size - at)


def _directory(reader: _Reader, page: _Page) -> Blank:
    """Return a directory of the kept entries alone, in the place of a page's own."""
    entries = [one for one in page.entries if one.tag in _KEPT]
    count_bytes, entry_bytes = (8, 20) if reader.is_big else (2, 12)
    start = reader.bytes_of(len(entries), count_bytes)
    start += b"".join(read_bytes(reader.content, one.at, entry_bytes) for one in entries)
    next_at = page.next_at if page.next_at < len(reader.content) else 0
    return Blank(page.offset, page.length, start + reader.bytes_of(next_at, reader.offset_bytes))
