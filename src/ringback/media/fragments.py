"""How long a movie in fragments is: its header does not say, each fragment tells of its samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ringback.media.content import PARTS_MAX, Content, number
from ringback.media.isobmff import Box, boxes, inside

# Which members a track's fragment (tfhd) and a run of samples (trun) have, by their flags.
_BASE_OFFSET, _DESCRIPTION, _DEFAULT_DURATION = 0x1, 0x2, 0x8
_DATA_OFFSET, _FIRST_FLAGS, _DURATION = 0x1, 0x4, 0x100
_PER_SAMPLE = (0x100, 0x200, 0x400, 0x800)


class Run(Struct, frozen=True, kw_only=True):
    """Samples of one track, and how long they last in its own ticks."""

    track_id: int
    samples: int
    ticks: int


def runs(content: Content, top: Iterable[Box], mvex: Box) -> Iterator[Run]:
    """Yield the runs of samples of all fragments."""
    usual = dict(_usual_ticks(content, mvex))
    for moof in (box for box in top if box.kind == b"moof"):
        for traf in boxes(content, moof.data, moof.end):
            if traf.kind == b"traf":
                yield from _runs_of(content, traf, usual)


def _usual_ticks(content: Content, mvex: Box) -> Iterator[tuple[int, int]]:
    for trex in boxes(content, mvex.data, mvex.end):
        if trex.kind == b"trex":
            yield number(content, trex.data + 4, 4), number(content, trex.data + 12, 4)


def _runs_of(content: Content, traf: Box, usual: dict[int, int]) -> Iterator[Run]:
    tfhd = inside(content, traf).get(b"tfhd")
    if tfhd is None:
        return
    flags, track_id = number(content, tfhd.data + 1, 3), number(content, tfhd.data + 4, 4)
    ticks = usual.get(track_id, 0)
    if flags & _DEFAULT_DURATION:
        before = 8 * bool(flags & _BASE_OFFSET) + 4 * bool(flags & _DESCRIPTION)
        ticks = number(content, tfhd.data + 8 + before, 4)
    for trun in boxes(content, traf.data, traf.end):
        if trun.kind == b"trun":
            samples = min(number(content, trun.data + 4, 4), PARTS_MAX)
            lasts = _ticks(content, trun, samples, each=ticks)
            yield Run(track_id=track_id, samples=samples, ticks=lasts)


def _ticks(content: Content, trun: Box, samples: int, *, each: int) -> int:
    flags = number(content, trun.data + 1, 3)
    if not flags & _DURATION:
        return samples * each
    at = trun.data + 8 + 4 * bool(flags & _DATA_OFFSET) + 4 * bool(flags & _FIRST_FLAGS)
    width = 4 * sum(bool(flags & member) for member in _PER_SAMPLE)
    return sum(number(content, at + width * place, 4) for place in range(samples))
