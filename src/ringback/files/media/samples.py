"""Finds the samples of a movie's track in the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ringback.errors import InvalidMedia
from ringback.files.media.content import PARTS_MAX, SHAPE_MAX, Content, read_bytes, read_uint
from ringback.files.media.isobmff import Box, boxes, inside

_VISUAL_BYTES = 78  # of a description of pictures, before its boxes
_TOO_MANY = "The movie has too many samples."


def sample_ranges(content: Content, table: Box) -> Iterator[tuple[int, int]]:
    """Yield the offset and length of each chunk of a track's samples."""
    parts = inside(content, table)
    offsets = parts.get(b"stco") or parts.get(b"co64")
    if offsets is None or b"stsz" not in parts or b"stsc" not in parts:
        return
    wide = 8 if offsets.kind == b"co64" else 4
    sizes = _sizes(content, parts[b"stsz"])
    runs = _runs(content, parts[b"stsc"])
    samples_left = PARTS_MAX
    for chunk in range(_count(content, offsets.data + 4)):
        samples = _samples_of(runs, chunk + 1)
        samples_left -= samples
        if samples_left < 0:
            raise InvalidMedia(_TOO_MANY)
        count = sum(next(sizes, 0) for _ in range(samples))
        yield read_uint(content, offsets.data + 8 + wide * chunk, wide), count


def ticks_of(content: Content, table: Box) -> int:
    """Return the duration of a track's samples, in its ticks."""
    times = inside(content, table).get(b"stts")
    if times is None:
        return 0
    begins = (times.data + 8 + 8 * index for index in range(_count(content, times.data + 4)))
    return sum(read_uint(content, at, 4) * read_uint(content, at + 4, 4) for at in begins)


def codec_tag(content: Content, table: Box) -> str:
    """Return the name of a track's codec in its description, four characters."""
    described = inside(content, table).get(b"stsd")
    found = None
    if described is not None:
        found = next(boxes(content, described.data + 8, described.end), None)
    return "" if found is None else found.kind.decode("latin-1")


def shown_size(content: Content, tkhd: Box | None, table: Box | None) -> tuple[int, int]:
    """Return a video track's displayed size, as players show it: its pixels' shape, turned.

    Where the shape of the pixels is stated, it counts before the size in the track's header.
    """
    width, height, is_turned = (0, 0, False) if tkhd is None else _stated_size(content, tkhd)
    coded = None if table is None else _coded_size(content, table)
    if coded is not None and (coded[2] or not width or not height):
        width, height = coded[:2]
    return (height, width) if is_turned else (width, height)


def _stated_size(content: Content, tkhd: Box) -> tuple[int, int, bool]:
    at = tkhd.data + (52 if read_uint(content, tkhd.data, 1) == 1 else 40)
    width, height = read_uint(content, at + 36, 4) >> 16, read_uint(content, at + 40, 4) >> 16
    # The matrix of an upright recording rotates it.
    a, b, _, c, d = struct.unpack(">5i", read_bytes(content, at, 20))
    return width, height, abs(b) + abs(c) > abs(a) + abs(d)


def _coded_size(content: Content, table: Box) -> tuple[int, int, bool] | None:
    """Return the size in square pixels, and whether the shape of the pixels is stated."""
    described = inside(content, table).get(b"stsd")
    entry = None
    if described is not None:
        entry = next(boxes(content, described.data + 8, described.end), None)
    if entry is None or entry.end - entry.data < _VISUAL_BYTES:
        return None
    width, height = read_uint(content, entry.data + 24, 2), read_uint(content, entry.data + 26, 2)
    shape = inside(content, entry, skip=_VISUAL_BYTES).get(b"pasp")
    if shape is None:
        return width, height, False
    across, down = read_uint(content, shape.data, 4), read_uint(content, shape.data + 4, 4)
    is_likely = across and down and 1 / SHAPE_MAX <= across / down <= SHAPE_MAX
    return (round(width * across / down), height, True) if is_likely else (width, height, False)


def _sizes(content: Content, stsz: Box) -> Iterator[int]:
    every = read_uint(content, stsz.data + 4, 4)
    for index in range(_count(content, stsz.data + 8)):
        yield every or read_uint(content, stsz.data + 12 + 4 * index, 4)


def _runs(content: Content, stsc: Box) -> list[tuple[int, int]]:
    """Return the first chunk and the samples per chunk of each run, last run first."""
    count = _count(content, stsc.data + 4)
    offsets = (stsc.data + 8 + 12 * index for index in range(count))
    runs = [(read_uint(content, at, 4), read_uint(content, at + 4, 4)) for at in offsets]
    return runs[::-1]


def _samples_of(runs: list[tuple[int, int]], chunk: int) -> int:
    """Return the number of samples of a chunk; calls must go through the chunks in order."""
    while len(runs) > 1 and runs[-2][0] <= chunk:
        runs.pop()
    return min(runs[-1][1], PARTS_MAX) if runs else 0


def _count(content: Content, at: int) -> int:
    count = read_uint(content, at, 4)
    if count > PARTS_MAX:
        raise InvalidMedia(_TOO_MANY)
    return count
