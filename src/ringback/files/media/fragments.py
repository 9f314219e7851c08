"""Fragmented movies: samples are described in each fragment, not in the header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ringback.files.media.content import PARTS_MAX, Content, read_uint
from ringback.files.media.isobmff import Box, boxes, inside

# Flags of the optional fields of a track fragment (tfhd) and a sample run (trun).
_BASE_OFFSET, _DESCRIPTION, _DEFAULT_DURATION, _DEFAULT_SIZE = 0x1, 0x2, 0x8, 0x10
_FROM_MOOF = 0x20000
_DATA_OFFSET, _FIRST_FLAGS, _DURATION, _SIZE = 0x1, 0x4, 0x100, 0x200
_PER_SAMPLE = (_DURATION, _SIZE, 0x400, 0x800)


class Run(Struct, frozen=True, kw_only=True):
    """A number of samples of one track, and their duration in the track's ticks."""

    track_id: int
    samples: int
    ticks: int


def runs(content: Content, top: Iterable[Box], mvex: Box) -> Iterator[Run]:
    """Yield the sample runs of all fragments."""
    default = dict(_track_defaults(content, mvex, 12))
    for moof in (box for box in top if box.kind == b"moof"):
        for traf in boxes(content, moof.data, moof.end):
            if traf.kind == b"traf":
                yield from _runs_of(content, traf, default)


def fragment_ranges(
    content: Content, top: Iterable[Box], mvex: Box, track_ids: frozenset[int]
) -> Iterator[tuple[int, int]]:
    """Yield the offset and length of each sample run of these tracks."""
    default = dict(_track_defaults(content, mvex, 16))
    for moof in (box for box in top if box.kind == b"moof"):
        at = moof.offset  # the default offset of the samples
        for traf in boxes(content, moof.data, moof.end):
            tfhd = inside(content, traf).get(b"tfhd") if traf.kind == b"traf" else None
            if tfhd is None:
                continue
            flags, track_id = (
                read_uint(content, tfhd.data + 1, 3),
                read_uint(content, tfhd.data + 4, 4),
            )
            if flags & _BASE_OFFSET:
                at = read_uint(content, tfhd.data + 8, 8)
            elif flags & _FROM_MOOF:
                at = moof.offset
            sample_bytes = _default(content, tfhd, _DEFAULT_SIZE, default.get(track_id, 0))
            for offset, count in _runs_at(content, traf, base=at, sample_bytes=sample_bytes):
                at = offset + count
                if track_id in track_ids:
                    yield offset, count


def _runs_at(
    content: Content, traf: Box, *, base: int, sample_bytes: int
) -> Iterator[tuple[int, int]]:
    """Yield the offset and length of a track's runs; without an offset, one follows the last."""
    at = base
    for trun in boxes(content, traf.data, traf.end):
        if trun.kind != b"trun":
            continue
        if read_uint(content, trun.data + 1, 3) & _DATA_OFFSET:
            offset = read_uint(content, trun.data + 8, 4)
            at = base + offset - (offset >> 31 << 32)
        count = _total(content, trun, _SIZE, sample_bytes=sample_bytes)
        yield at, count
        at += count


def _track_defaults(content: Content, mvex: Box, offset: int) -> Iterator[tuple[int, int]]:
    """Yield the id of each track, and the default at that offset for its samples."""
    for trex in boxes(content, mvex.data, mvex.end):
        if trex.kind == b"trex":
            yield read_uint(content, trex.data + 4, 4), read_uint(content, trex.data + offset, 4)


def _default(content: Content, tfhd: Box, member: int, default: int) -> int:
    """Return a fragment's default for its samples, or else the track's."""
    flags = read_uint(content, tfhd.data + 1, 3)
    if not flags & member:
        return default
    widths = ((_BASE_OFFSET, 8), (_DESCRIPTION, 4), (_DEFAULT_DURATION, 4))
    before = sum(width for flag, width in widths if flag < member and flags & flag)
    return read_uint(content, tfhd.data + 8 + before, 4)


def _runs_of(content: Content, traf: Box, default: dict[int, int]) -> Iterator[Run]:
    tfhd = inside(content, traf).get(b"tfhd")
    if tfhd is None:
        return
    track_id = read_uint(content, tfhd.data + 4, 4)
    ticks = _default(content, tfhd, _DEFAULT_DURATION, default.get(track_id, 0))
    for trun in boxes(content, traf.data, traf.end):
        if trun.kind == b"trun":
            lasts = _total(content, trun, _DURATION, sample_bytes=ticks)
            yield Run(track_id=track_id, samples=_samples(content, trun), ticks=lasts)


def _samples(content: Content, trun: Box) -> int:
    return min(read_uint(content, trun.data + 4, 4), PARTS_MAX)


def _total(content: Content, trun: Box, member: int, *, sample_bytes: int) -> int:
    """Return the sum of one field over a run's samples."""
    flags, samples = read_uint(content, trun.data + 1, 3), _samples(content, trun)
    if not flags & member:
        return samples * sample_bytes
    at = trun.data + 8 + 4 * bool(flags & _DATA_OFFSET) + 4 * bool(flags & _FIRST_FLAGS)
    at += 4 * sum(bool(flags & one) for one in _PER_SAMPLE if one < member)
    width = 4 * sum(bool(flags & member) for member in _PER_SAMPLE)
    return sum(read_uint(content, at + width * offset, 4) for offset in range(samples))
