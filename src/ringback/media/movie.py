"""MP4 and MOV: the tracks of a movie, and what of them is neither picture nor sound."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

from ringback.errors import InvalidMedia
from ringback.media.content import Blank, Content, Facts, Looked, MediaType, number, take, without
from ringback.media.fragments import Run, fragment_ranges, runs
from ringback.media.isobmff import Box, blank_box, boxes, inside
from ringback.media.samples import sample_ranges

_TOP_KEPT = frozenset(
    (b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"wide", b"pnot")
)
_CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"edts", b"moof", b"traf", b"mvex"))
_METADATA = frozenset((b"udta", b"meta", b"uuid", b"free", b"skip", b"XMP_"))
_DATED = frozenset((b"mvhd", b"tkhd", b"mdhd"))
_TRACKS_KEPT = frozenset((b"vide", b"soun", b"auxv", b"tmcd", b"text", b"sbtl", b"subt", b"clcp"))
_TRACKS_MAX = 64
_DEPTH_MAX = 8
_UNKNOWN = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # a duration that was not known


class _Track(Struct, frozen=True, kw_only=True):
    """What a track says of itself."""

    kind: bytes
    box: Box
    table: Box | None
    track_id: int
    ticks_per_s: int
    width: int = 0
    height: int = 0
    frames: int = 0


def look(content: Content, media_type: MediaType) -> Looked:
    """Return what a movie is.

    User data, metadata, dates, and tracks that are neither seen nor heard are written over in
    their places, so that no offset in the file changes.
    """
    top = list(boxes(content, 0, len(content)))
    moov = next((box for box in top if box.kind == b"moov"), None)
    if moov is None:
        raise InvalidMedia("The movie has no description in it, or is cut short before it.")
    tracks = list(_tracks(content, moov))
    pictures = [one for one in tracks if one.kind == b"vide" and one.width and one.height]
    if not pictures and not any(one.kind == b"soun" for one in tracks):
        raise InvalidMedia("The movie has neither pictures nor sound in it.")
    # Of two descriptions a player may take either: there is one.
    others = (box for box in top if box.kind == b"moov" and box is not moov)
    blanks = [blank_box(box) for box in others]
    blanks += [blank_box(box) for box in top if box.kind not in _TOP_KEPT]
    for box in top:
        if box.kind in _CONTAINERS:
            blanks += _hidden(content, box)
    hidden = [track for track in tracks if track.kind not in _TRACKS_KEPT]
    blanks += [blank_box(track.box) for track in hidden]
    places = [box for box in top if box.kind == b"mdat"]
    blanks += _within(places, _ranges(content, hidden, top, moov))
    fragments = _fragments(content, top, moov)
    facts = Facts(
        media_type=media_type,
        width=pictures[0].width if pictures else None,
        height=pictures[0].height if pictures else None,
        duration_s=_duration_s(content, moov) or _lasting_s(tracks, fragments),
        frames=max((_frames_of(one, fragments) for one in pictures), default=0) or None,
    )
    return Looked(facts=facts, pieces=without(len(content), blanks))


def _hidden(content: Content, box: Box, depth: int = 0) -> Iterator[Blank]:
    if depth > _DEPTH_MAX:
        raise InvalidMedia("The movie is nested too deeply.")
    for one in boxes(content, box.data, box.end):
        if one.kind in _METADATA:
            yield blank_box(one)
        elif one.kind in _DATED:
            wide = number(content, one.data, 1) == 1
            yield Blank(one.data + 4, 16 if wide else 8)  # when it was made and changed
        elif one.kind in _CONTAINERS and one.kind != box.kind:
            yield from _hidden(content, one, depth + 1)


def _tracks(content: Content, moov: Box) -> Iterator[_Track]:
    found = [box for box in boxes(content, moov.data, moov.end) if box.kind == b"trak"]
    if len(found) > _TRACKS_MAX:
        raise InvalidMedia("The movie has more tracks than are read.")
    for trak in found:
        parts = inside(content, trak)
        mdia = inside(content, parts[b"mdia"]) if b"mdia" in parts else {}
        kind = take(content, mdia[b"hdlr"].data + 8, 4) if b"hdlr" in mdia else b""
        minf = inside(content, mdia[b"minf"]) if b"minf" in mdia else {}
        table = minf.get(b"stbl")
        tkhd = parts.get(b"tkhd")
        width, height = _shown_size(content, tkhd) if tkhd else (0, 0)
        yield _Track(
            kind=kind,
            box=trak,
            table=table,
            track_id=number(content, tkhd.data + _at(content, tkhd, 12), 4) if tkhd else 0,
            ticks_per_s=_ticks_per_s(content, mdia[b"mdhd"]) if b"mdhd" in mdia else 0,
            width=width,
            height=height,
            frames=_frames(content, table) if table else 0,
        )


def _at(content: Content, box: Box, place: int) -> int:
    """Return where a member is that follows two times, which are wide in version 1."""
    return place + (8 if number(content, box.data, 1) == 1 else 0)


def _ticks_per_s(content: Content, mdhd: Box) -> int:
    return number(content, mdhd.data + _at(content, mdhd, 12), 4)


def _shown_size(content: Content, tkhd: Box) -> tuple[int, int]:
    """Return a track's size as it is shown: a camera held upright turns it by its matrix."""
    at = tkhd.data + (52 if number(content, tkhd.data, 1) == 1 else 40)
    width, height = number(content, at + 36, 4) >> 16, number(content, at + 40, 4) >> 16
    is_turned = number(content, at, 4) == 0 and number(content, at + 4, 4) != 0
    return (height, width) if is_turned else (width, height)


def _frames(content: Content, table: Box) -> int:
    sizes = inside(content, table).get(b"stsz")
    return number(content, sizes.data + 8, 4) if sizes else 0


def _ranges(
    content: Content, tracks: list[_Track], top: list[Box], moov: Box
) -> Iterator[tuple[int, int]]:
    """Yield where the samples of these tracks lie, and how many bytes."""
    for track in tracks:
        if track.table:
            yield from sample_ranges(content, track.table)
    mvex = inside(content, moov).get(b"mvex")
    if tracks and mvex is not None:
        ids = frozenset(track.track_id for track in tracks)
        yield from fragment_ranges(content, top, mvex, ids)


def _within(places: list[Box], ranges: Iterable[tuple[int, int]]) -> Iterator[Blank]:
    """Yield the ranges, as far as they lie where samples belong."""
    ends = [place.end for place in places]
    for offset, count in ranges:
        for place in places[bisect_right(ends, offset) :]:
            begin, end = max(offset, place.data), min(offset + count, place.end)
            if place.offset >= offset + count:
                break
            if begin < end:
                yield Blank(begin, end - begin)


def _duration_s(content: Content, moov: Box) -> float | None:
    parts = inside(content, moov)
    if b"mvhd" not in parts:
        return None
    mvhd = parts[b"mvhd"]
    wide = number(content, mvhd.data, 1) == 1
    scale = number(content, mvhd.data + (20 if wide else 12), 4)
    duration = number(content, mvhd.data + (24 if wide else 16), 8 if wide else 4)
    return duration / scale if scale and duration and duration not in _UNKNOWN else None


def _fragments(content: Content, top: list[Box], moov: Box) -> list[Run]:
    mvex = inside(content, moov).get(b"mvex")
    return [] if mvex is None else list(runs(content, top, mvex))


def _frames_of(track: _Track, fragments: list[Run]) -> int:
    more = sum(run.samples for run in fragments if run.track_id == track.track_id)
    return track.frames + more


def _lasting_s(tracks: list[_Track], fragments: list[Run]) -> float | None:
    """Return how long the longest track lasts that is seen or heard."""
    lasting = [
        sum(run.ticks for run in fragments if run.track_id == track.track_id) / track.ticks_per_s
        for track in tracks
        if track.kind in (b"vide", b"soun") and track.ticks_per_s
    ]
    return max(lasting, default=0.0) or None
