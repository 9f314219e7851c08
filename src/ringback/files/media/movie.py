"""MP4 and MOV: the tracks of a movie, and its metadata."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    PARTS_MAX,
    Blank,
    Content,
    Facts,
    MediaType,
    Parsed,
    blank_out,
    read_bytes,
    read_uint,
)
from ringback.files.media.fragments import Run, fragment_ranges, runs
from ringback.files.media.isobmff import Box, blank_box, boxes, file_boxes, inside, resized
from ringback.files.media.samples import codec_tag, sample_ranges, shown_size, ticks_of

_TOP_KEPT = frozenset(
    (b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"wide", b"pnot")
)
# Beside a box of wrong length, metadata may be found under any name.
_MOOV_KEPT = frozenset((b"mvhd", b"trak", b"mvex", b"iods", b"pssh"))
_CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"edts", b"moof", b"traf", b"mvex"))
_METADATA = frozenset((b"udta", b"meta", b"uuid", b"free", b"skip", b"XMP_"))
_DATED = frozenset((b"mvhd", b"tkhd", b"mdhd"))
_TRACKS_KEPT = frozenset((b"vide", b"soun", b"auxv", b"tmcd", b"text", b"sbtl", b"subt", b"clcp"))
_TRACKS_PLAYED = frozenset((b"vide", b"soun"))
_TRACKS_MAX = 64
_DEPTH_MAX = 8
_DELAY_S_MAX = 60.0
_UNKNOWN = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # the values of an unknown duration


class _Track(Struct, frozen=True, kw_only=True):
    """The header of a track."""

    kind: bytes
    box: Box
    table: Box | None
    track_id: int
    ticks_per_s: int
    width: int = 0
    height: int = 0
    frames: int = 0
    ticks: int = 0  # of the samples in the header


def parse(content: Content, media_type: MediaType) -> Parsed:
    """Parse a movie.

    User data, metadata, dates, and tracks other than video, sound and text are overwritten in
    place, so that no offset in the file changes.
    """
    top = file_boxes(content, needed=frozenset((b"moov",)))
    moov = next((box for box in top if box.kind == b"moov"), None)
    if moov is None:
        raise InvalidMedia("The movie has no moov box, or is cut short before it.")
    tracks = list(_tracks(content, moov))
    pictures = [one for one in tracks if one.kind == b"vide" and one.width and one.height]
    if not pictures and not any(one.kind == b"soun" for one in tracks):
        raise InvalidMedia("The movie has neither video nor sound.")
    # Players may use either of two moov boxes, so only one is left.
    others = (box for box in top if box.kind == b"moov" and box is not moov)
    blanks = [blank_box(box) for box in others]
    blanks += [blank_box(box) for box in top if box.kind not in _TOP_KEPT]
    for box in top:
        if box.kind in _CONTAINERS:
            blanks += _metadata(content, box)
    hidden = [track for track in tracks if track.kind not in _TRACKS_KEPT]
    blanks += [blank_box(track.box) for track in hidden]
    media_boxes = [box for box in top if box.kind == b"mdat"]
    blanks += _inside_media(media_boxes, _ranges(content, hidden, top, moov))
    if top[-1].kind == b"mdat":
        blanks.append(resized(top[-1]))
    played = [one for one in tracks if one.kind in _TRACKS_PLAYED]
    _check_complete(_ranges(content, played, top, moov), end=top[-1].end)
    codecs = tuple(codec_tag(content, one.table) if one.table else "" for one in tracks)
    fragments = _fragments(content, top, moov)
    facts = Facts(
        media_type=media_type,
        width=pictures[0].width if pictures else None,
        height=pictures[0].height if pictures else None,
        duration_s=_duration_s(content, moov, tracks, fragments),
        frames=max((_frames_of(one, fragments) for one in pictures), default=0) or None,
    )
    return Parsed(facts=facts, pieces=blank_out(top[-1].end, blanks), codecs=codecs)


def _metadata(content: Content, box: Box, depth: int = 0) -> Iterator[Blank]:
    if depth > _DEPTH_MAX:
        raise InvalidMedia("The movie is nested too deeply.")
    for one in boxes(content, box.data, box.end):
        if one.kind in _METADATA or (box.kind == b"moov" and one.kind not in _MOOV_KEPT):
            yield blank_box(one)
        elif one.kind in _DATED:
            wide = read_uint(content, one.data, 1) == 1
            yield Blank(one.data + 4, 16 if wide else 8)  # its creation and modification times
        elif one.kind in _CONTAINERS and one.kind != box.kind:
            yield from _metadata(content, one, depth + 1)


def _tracks(content: Content, moov: Box) -> Iterator[_Track]:
    found = [box for box in boxes(content, moov.data, moov.end) if box.kind == b"trak"]
    if len(found) > _TRACKS_MAX:
        raise InvalidMedia("The movie has too many tracks.")
    for trak in found:
        parts = inside(content, trak)
        mdia = inside(content, parts[b"mdia"]) if b"mdia" in parts else {}
        kind = read_bytes(content, mdia[b"hdlr"].data + 8, 4) if b"hdlr" in mdia else b""
        minf = inside(content, mdia[b"minf"]) if b"minf" in mdia else {}
        table = minf.get(b"stbl")
        tkhd = parts.get(b"tkhd")
        width, height = shown_size(content, tkhd, table) if kind == b"vide" else (0, 0)
        yield _Track(
            kind=kind,
            box=trak,
            table=table,
            track_id=read_uint(content, tkhd.data + _offset_in(content, tkhd, 12), 4)
            if tkhd
            else 0,
            ticks_per_s=_ticks_per_s(content, mdia[b"mdhd"]) if b"mdhd" in mdia else 0,
            width=width,
            height=height,
            frames=_frames(content, table) if table else 0,
            ticks=ticks_of(content, table) if table else 0,
        )


def _offset_in(content: Content, box: Box, media_box: int) -> int:
    """Return the offset of a field after two times, which are wider in version 1."""
    return media_box + (8 if read_uint(content, box.data, 1) == 1 else 0)


def _ticks_per_s(content: Content, mdhd: Box) -> int:
    return read_uint(content, mdhd.data + _offset_in(content, mdhd, 12), 4)


def _frames(content: Content, table: Box) -> int:
    sizes = inside(content, table).get(b"stsz")
    return read_uint(content, sizes.data + 8, 4) if sizes else 0


def _ranges(
    content: Content, tracks: list[_Track], top: list[Box], moov: Box
) -> Iterator[tuple[int, int]]:
    """Yield the offset and length of the samples of these tracks."""
    for track in tracks:
        if track.table:
            yield from sample_ranges(content, track.table)
    mvex = inside(content, moov).get(b"mvex")
    if tracks and mvex is not None:
        ids = frozenset(track.track_id for track in tracks)
        yield from fragment_ranges(content, top, mvex, ids)


def _inside_media(media_boxes: list[Box], ranges: Iterable[tuple[int, int]]) -> Iterator[Blank]:
    """Yield the parts of the ranges that are inside media data boxes."""
    ends = [media_box.end for media_box in media_boxes]
    checks_left = PARTS_MAX  # overlapping ranges could make the work quadratic
    for offset, count in ranges:
        for index in range(bisect_right(ends, offset), len(media_boxes)):
            media_box = media_boxes[index]
            checks_left -= 1
            if checks_left < 0:
                raise InvalidMedia("The movie's samples are in too many places.")
            begin, end = max(offset, media_box.data), min(offset + count, media_box.end)
            if media_box.offset >= offset + count:
                break
            if begin < end:
                yield Blank(begin, end - begin)


def _check_complete(ranges: Iterable[tuple[int, int]], *, end: int) -> None:
    if any(count and offset + count > end for offset, count in ranges):
        raise InvalidMedia("The file is cut short.")


def _duration_s(
    content: Content, moov: Box, tracks: list[_Track], fragments: list[Run]
) -> float | None:
    """Return the stated duration, unless it is a placeholder beside that of the samples.

    An edit list may make a movie shorter than its samples, or delay them for a while. The header
    of a fragmented movie may state the duration of the first fragment alone.
    """
    stated_s, samples_s = _stated_s(content, moov), _longest_s(tracks, fragments)
    if stated_s is None or samples_s is None:
        return stated_s or samples_s
    is_likely = not fragments and stated_s <= 2 * samples_s + _DELAY_S_MAX
    return stated_s if is_likely else samples_s


def _stated_s(content: Content, moov: Box) -> float | None:
    parts = inside(content, moov)
    if b"mvhd" not in parts:
        return None
    mvhd = parts[b"mvhd"]
    wide = read_uint(content, mvhd.data, 1) == 1
    scale = read_uint(content, mvhd.data + (20 if wide else 12), 4)
    duration = read_uint(content, mvhd.data + (24 if wide else 16), 8 if wide else 4)
    return duration / scale if scale and duration and duration not in _UNKNOWN else None


def _fragments(content: Content, top: list[Box], moov: Box) -> list[Run]:
    mvex = inside(content, moov).get(b"mvex")
    return [] if mvex is None else list(runs(content, top, mvex))


def _frames_of(track: _Track, fragments: list[Run]) -> int:
    more = sum(run.samples for run in fragments if run.track_id == track.track_id)
    return track.frames + more


def _longest_s(tracks: list[_Track], fragments: list[Run]) -> float | None:
    """Return the duration of the longest video or sound track, by its samples."""
    lasting = [
        (track.ticks + sum(run.ticks for run in fragments if run.track_id == track.track_id))
        / track.ticks_per_s
        for track in tracks
        if track.kind in _TRACKS_PLAYED and track.ticks_per_s
    ]
    return max(lasting, default=0.0) or None
