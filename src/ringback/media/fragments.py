"""Movies in fragments: their header tells of no sample, each fragment does of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ringback.media.content import PARTS_MAX, Content, number
from ringback.media.isobmff import Box, boxes, inside

# Which members a track's fragment (tfhd) and a run of samples (trun) have, by their flags.
_BASE_OFFSET, _DESCRIPTION, _DEFAULT_DURATION, _DEFAULT_SIZE = 0x1, 0x2, 0x8, 0x10
_FROM_MOOF = 0x20000
_DATA_OFFSET, _FIRST_FLAGS, _DURATION, _SIZE = 0x1, 0x4, 0x100, 0x200
_PER_SAMPLE = (_DURATION, _SIZE, 0x400, 0x800)


class Run(Struct, frozen=True, kw_only=True):
    """Samples of one track, and how long they last in its own ticks."""

    track_id: int
    samples: int
    ticks: int


def runs(content: Content, top: Iterable[Box], mvex: Box) -> Iterator[Run]:
    """Yield the runs of samples of all fragments."""
    usual = dict(_usual(content, mvex, 12))
    for moof in (box for box in top if box.kind == b"moof"):
        for traf in boxes(content, moof.data, moof.end):
            if traf.kind == b"traf":
                yield from _runs_of(content, traf, usual)


def fragment_ranges(
    content: Content, top: Iterable[Box], mvex: Box, track_ids: frozenset[int]
) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each run of samples of these tracks."""
    usual = dict(_usual(content, mvex, 16))
    for moof in (box for box in top if box.kind == b"moof"):
        at = moof.offset  # where samples begin, unless something says otherwise
        for traf in boxes(content, moof.data, moof.end):
            tfhd = inside(content, traf).get(b"tfhd") if traf.kind == b"traf" else None
            if tfhd is None:
                continue
            flags, track_id = number(content, tfhd.data + 1, 3), number(content, tfhd.data + 4, 4)
            if flags & _BASE_OFFSET:
                at = number(content, tfhd.data + 8, 8)
            elif flags & _FROM_MOOF:
                at = moof.offset
            each = _default(content, tfhd, _DEFAULT_SIZE, usual.get(track_id, 0))
            for offset, count in _runs_at(content, traf, base=at, each=each):
                at = offset + count
                if track_id in track_ids:
                    yield offset, count


def _runs_at(content: Content, traf: Box, *, base: int, each: int) -> Iterator[tuple[int, int]]:
    """Yield offset and length of a track's runs; each follows the one before, or says where."""
    at = base
    for trun in boxes(content, traf.data, traf.end):
        if trun.kind != b"trun":
            continue
        if number(content, trun.data + 1, 3) & _DATA_OFFSET:
            told = number(content, trun.data + 8, 4)
            at = base + told - (told >> 31 << 32)
        count = _sum(content, trun, _SIZE, each=each)
        yield at, count
        at += count


def _usual(content: Content, mvex: Box, place: int) -> Iterator[tuple[int, int]]:
    """Yield each track's number, and what its samples usually have at that place."""
    for trex in boxes(content, mvex.data, mvex.end):
        if trex.kind == b"trex":
            yield number(content, trex.data + 4, 4), number(content, trex.data + place, 4)


def _default(content: Content, tfhd: Box, member: int, usual: int) -> int:
    """Return what a fragment says of all its samples, or what is usual."""
    flags = number(content, tfhd.data + 1, 3)
    if not flags & member:
        return usual
    widths = ((_BASE_OFFSET, 8), (_DESCRIPTION, 4), (_DEFAULT_DURATION, 4))
    before = sum(width for flag, width in widths if flag < member and flags & flag)
    return number(content, tfhd.data + 8 + before, 4)


def _runs_of(content: Content, traf: Box, usual: dict[int, int]) -> Iterator[Run]:
    tfhd = inside(content, traf).get(b"tfhd")
    if tfhd is None:
        return
    track_id = number(content, tfhd.data + 4, 4)
    ticks = _default(content, tfhd, _DEFAULT_DURATION, usual.get(track_id, 0))
    for trun in boxes(content, traf.data, traf.end):
        if trun.kind == b"trun":
            lasts = _sum(content, trun, _DURATION, each=ticks)
            yield Run(track_id=track_id, samples=_samples(content, trun), ticks=lasts)


def _samples(content: Content, trun: Box) -> int:
    return min(number(content, trun.data + 4, 4), PARTS_MAX)


def _sum(content: Content, trun: Box, member: int, *, each: int) -> int:
    """Return what a run's samples have of something together."""
    flags, samples = number(content, trun.data + 1, 3), _samples(content, trun)
    if not flags & member:
        return samples * each
    at = trun.data + 8 + 4 * bool(flags & _DATA_OFFSET) + 4 * bool(flags & _FIRST_FLAGS)
    at += 4 * sum(bool(flags & one) for one in _PER_SAMPLE if one < member)
    width = 4 * sum(bool(flags & member) for member in _PER_SAMPLE)
    return sum(number(content, at + width * place, 4) for place in range(samples))
