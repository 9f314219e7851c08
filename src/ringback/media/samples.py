"""Where the samples of a movie's track lie in the file."""

from __future__ import annotations

from collections.abc import Iterator

from ringback.errors import InvalidMedia
from ringback.media.content import PARTS_MAX, Content, number
from ringback.media.isobmff import Box, inside


def sample_ranges(content: Content, table: Box) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each chunk of a track's samples."""
    parts = inside(content, table)
    offsets = parts.get(b"stco") or parts.get(b"co64")
    if offsets is None or b"stsz" not in parts or b"stsc" not in parts:
        return
    wide = 8 if offsets.kind == b"co64" else 4
    sizes = _sizes(content, parts[b"stsz"])
    runs = _runs(content, parts[b"stsc"])
    for chunk in range(_count(content, offsets.data + 4)):
        samples = _samples_of(runs, chunk + 1)
        count = sum(next(sizes, 0) for _ in range(samples))
        yield number(content, offsets.data + 8 + wide * chunk, wide), count


def _sizes(content: Content, stsz: Box) -> Iterator[int]:
    every = number(content, stsz.data + 4, 4)
    for place in range(_count(content, stsz.data + 8)):
        yield every or number(content, stsz.data + 12 + 4 * place, 4)


def _runs(content: Content, stsc: Box) -> list[tuple[int, int]]:
    """Return from which chunk on how many samples lie in each, last first."""
    count = _count(content, stsc.data + 4)
    places = (stsc.data + 8 + 12 * place for place in range(count))
    runs = [(number(content, at, 4), number(content, at + 4, 4)) for at in places]
    return runs[::-1]


def _samples_of(runs: list[tuple[int, int]], chunk: int) -> int:
    """Return how many samples a chunk has; chunks are asked for in their order."""
    while len(runs) > 1 and runs[-2][0] <= chunk:
        runs.pop()
    return min(runs[-1][1], PARTS_MAX) if runs else 0


def _count(content: Content, at: int) -> int:
    count = number(content, at, 4)
    if count > PARTS_MAX:
        raise InvalidMedia("The movie has more samples than are read.")
    return count
