"""Counts the pixels of a HEIC that are decoded: grids and overlays consist of other images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ringback.errors import InvalidMedia
from ringback.files.media.content import PICTURE_PARTS_MAX, Content, read_uint
from ringback.files.media.isobmff import Box, boxes, inside

_DEPTH_MAX = 8  # of derived images; a camera's grid has one level of tiles
_PIXELS_LEAST = 65_536  # decoders need this much even for smaller images
_WIDE_INDEX = 1  # flag of 16-bit property indices


def coded_pixels(content: Content, found: Mapping[bytes, Box], *, largest: int) -> int:
    """Return the decoded pixels of the primary image and its layers, or raise ``InvalidMedia``.

    A tile that is referenced twice is decoded twice. An image without a size counts as the
    largest in the file.
    """
    tree = _Tree(_sizes(content, found), largest)
    for kind, source, target in _references(content, found):
        if kind == b"dimg":
            tree.made_of.setdefault(source, []).append(target)
        elif kind == b"auxl":
            tree.layers.add(source)
    pitm = found.get(b"pitm")
    if pitm is None:
        return largest
    primary = read_uint(content, pitm.data + 4, 2 if read_uint(content, pitm.data, 1) == 0 else 4)
    return sum(tree.pixels(one) for one in {primary, *tree.layers})


def check_parts(count: int) -> None:
    """Raise ``InvalidMedia`` for more parts than one HEIC may have."""
    if count > PICTURE_PARTS_MAX:
        raise InvalidMedia("The HEIC file has too many parts.")


class _Tree:
    """The graph of derived images."""

    def __init__(self, sizes: Mapping[int, int], largest: int) -> None:
        self._sizes = sizes
        self._largest = largest
        self.made_of: dict[int, list[int]] = {}
        self.layers: set[int] = set()
        self._known: dict[int, int] = {}

    def pixels(self, item_id: int, depth: int = 0) -> int:
        """Return the pixels of an image and of all its sources."""
        if depth > _DEPTH_MAX:
            raise InvalidMedia("The HEIC file's derived images are nested too deeply.")
        if item_id not in self._known:
            own = max(_PIXELS_LEAST, self._sizes.get(item_id, self._largest))
            made_of = self.made_of.get(item_id, ())
            self._known[item_id] = own + sum(self.pixels(one, depth + 1) for one in made_of)
        return self._known[item_id]


def _references(content: Content, found: Mapping[bytes, Box]) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type, source item and target item of each reference."""
    iref = found.get(b"iref")
    if iref is None:
        return
    wide = 2 if read_uint(content, iref.data, 1) == 0 else 4
    parts = 0
    for box in boxes(content, iref.data + 4, iref.end):
        source, count = read_uint(content, box.data, wide), read_uint(content, box.data + wide, 2)
        parts += count
        check_parts(parts)
        for index in range(count):
            yield box.kind, source, read_uint(content, box.data + wide + 2 + wide * index, wide)


def _sizes(content: Content, found: Mapping[bytes, Box]) -> dict[int, int]:
    """Return the pixels of each item with a size."""
    parts = inside(content, found[b"iprp"]) if b"iprp" in found else {}
    ipco, ipma = parts.get(b"ipco"), parts.get(b"ipma")
    if ipco is None or ipma is None:
        return {}
    areas = {}
    for index, box in enumerate(boxes(content, ipco.data, ipco.end), start=1):
        if box.kind == b"ispe":
            areas[index] = read_uint(content, box.data + 4, 4) * read_uint(content, box.data + 8, 4)
    sizes: dict[int, int] = {}
    for item_id, index in _associations(content, ipma):
        if index in areas:
            sizes[item_id] = max(sizes.get(item_id, 0), areas[index])
    return sizes


def _associations(content: Content, ipma: Box) -> Iterator[tuple[int, int]]:
    """Yield each item with the indices of its properties, counted from 1."""
    id_bytes = 2 if read_uint(content, ipma.data, 1) == 0 else 4
    is_wide = bool(read_uint(content, ipma.data + 1, 3) & _WIDE_INDEX)
    at = ipma.data + 8
    parts = 0
    for _ in range(read_uint(content, ipma.data + 4, 4)):
        item_id, count = read_uint(content, at, id_bytes), read_uint(content, at + id_bytes, 1)
        at += id_bytes + 1
        parts += 1 + count
        check_parts(parts)
        for _ in range(count):
            # The highest bit is the flag of an essential property.
            index = (
                read_uint(content, at, 2) & 0x7FFF if is_wide else read_uint(content, at, 1) & 0x7F
            )
            yield item_id, index
            at += 2 if is_wide else 1
