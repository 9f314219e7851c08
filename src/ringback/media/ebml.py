"""WebM: the elements of EBML (RFC 8794) and Matroska (RFC 9559)."""

from __future__ import annotations

import math
import struct
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

START = b"\x1a\x45\xdf\xa3"
_EBML, _DOCTYPE, _SEGMENT, _VOID = 0x1A45DFA3, 0x4282, 0x18538067, 0xEC
_INFO, _SCALE, _DURATION, _TITLE, _DATE = 0x1549A966, 0x2AD7B1, 0x4489, 0x7BA9, 0x4461
_TRACKS, _TRACK, _VIDEO, _WIDTH, _HEIGHT = 0x1654AE6B, 0xAE, 0xE0, 0xB0, 0xBA
_NUMBER, _TRACK_NAME, _CODEC_NAME = 0xD7, 0x536E, 0x258688
_CLUSTER, _TIME, _SIMPLE_BLOCK, _GROUP, _BLOCK = 0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA1
_TAGS, _ATTACHMENTS, _CHAPTERS = 0x1254C367, 0x1941A469, 0x1043A770
_CUES, _SEEK_HEAD = 0x1C53BB6B, 0x114D9B74
_TOP = frozenset((_INFO, _TRACKS, _CLUSTER, _TAGS, _ATTACHMENTS, _CHAPTERS, _CUES, _SEEK_HEAD))
_MASTERS = frozenset((_SEGMENT, _INFO, _TRACKS, _TRACK, _VIDEO, _CLUSTER, _GROUP))
_METADATA = frozenset(
    (_TAGS, _ATTACHMENTS, _CHAPTERS, _TITLE, _DATE, _TRACK_NAME, _CODEC_NAME, _VOID)
)
_UNKNOWN_SIZE = frozenset((_SEGMENT, _CLUSTER))  # of others nobody writes it


class _Element(NamedTuple):
    kind: int
    offset: int
    data: int
    end: int


class _Film:
    """What the elements have said so far."""

    def __init__(self) -> None:
        self.blanks: list[Blank] = []
        self.scale_ns = 1_000_000
        self.duration: float | None = None
        self.track = 0
        self.pictures_of = 0  # the first track of pictures
        self.width: int | None = None
        self.height: int | None = None
        self.cluster_at = 0
        self.last_at = 0
        self.frames = 0


def look(content: Content) -> Looked:
    """Return what a WebM is; tags, attachments, chapters, names and dates are written over."""
    film = _Film()
    is_webm = False
    for element in _elements(content):
        if element.kind == _DOCTYPE:
            is_webm = take(content, element.data, element.end - element.data).rstrip(b"\0") == (
                b"webm"
            )
        elif element.kind in _METADATA:
            film.blanks.append(_void(element))
        elif element.kind not in _MASTERS:
            _hear(film, content, element)
        elif element.kind == _TRACK:
            film.track = 0
    if not is_webm or not film.frames:
        raise InvalidMedia("The file is not WebM, or has nothing to show in it.")
    ticks = film.duration if film.duration else film.last_at
    duration_s = ticks * film.scale_ns / 1e9
    facts = Facts(
        media_type=MediaType.WEBM,
        width=film.width,
        height=film.height,
        duration_s=duration_s if math.isfinite(duration_s) and duration_s >= 0 else None,
        frames=film.frames if film.width else None,
    )
    return Looked(facts=facts, pieces=without(len(content), film.blanks))


def _elements(content: Content) -> Iterator[_Element]:
    """Yield every element that is looked into, and those within it."""
    at = 0
    ends = [len(content)]
    for _ in range(PARTS_MAX):
        while len(ends) > 1 and at >= ends[-1]:
            ends.pop()
        if at >= len(content):
            return
        kind, data = _id(content, at)
        size, begins = _size(content, data)
        if kind in _TOP:
            # A cluster or a segment of unknown size ends where its sibling begins.
            del ends[2:]
        if size is None and kind not in _UNKNOWN_SIZE:
            raise InvalidMedia("The WebM file has an element of unknown length.")
        end = ends[-1] if size is None else begins + size
        if end > ends[-1]:
            raise InvalidMedia("The WebM file is cut short.")
        yield _Element(kind, at, begins, end)
        if kind in _MASTERS or kind == _EBML:
            if len(ends) > 8:
                raise InvalidMedia("The WebM file is nested too deeply.")
            ends.append(end)
            at = begins
        else:
            at = end
    raise InvalidMedia("The WebM file has more elements than are read.")


def _hear(film: _Film, content: Content, element: _Element) -> None:
    """Take note of what one element says."""
    count = element.end - element.data
    match element.kind:
        case 0x2AD7B1:
            film.scale_ns = _uint(content, element)
        case 0x4489 if count in (4, 8):
            form = ">f" if count == 4 else ">d"
            (film.duration,) = struct.unpack(form, take(content, element.data, count))
        case 0xD7:
            film.track = _uint(content, element)
        case 0xB0 if film.width is None:
            film.width, film.pictures_of = _uint(content, element), film.track
        case 0xBA if film.height is None:
            film.height = _uint(content, element)
        case 0xE7:
            film.cluster_at = _uint(content, element)
        case 0xA3 | 0xA1:
            track, at = _size(content, element.data)
            relative = int.from_bytes(take(content, at, 2), signed=True)
            film.last_at = max(film.last_at, film.cluster_at + relative)
            film.frames += not film.pictures_of or track == film.pictures_of


def _uint(content: Content, element: _Element) -> int:
    if element.end - element.data > 8:
        raise InvalidMedia("The WebM file has a number of more than eight bytes.")
    return number(content, element.data, element.end - element.data)


def _id(content: Content, at: int) -> tuple[int, int]:
    first = number(content, at, 1)
    count = 9 - first.bit_length()
    if not first or count > 4:
        raise InvalidMedia("The WebM file is broken between two elements.")
    return number(content, at, count), at + count


def _size(content: Content, at: int) -> tuple[int | None, int]:
    """Return a length, None where it is not known, and where it ends."""
    first = number(content, at, 1)
    if not first:
        raise InvalidMedia("The WebM file has a length that is none.")
    count = 9 - first.bit_length()
    bits = 7 * count
    size = number(content, at, count) & ((1 << bits) - 1)
    return (None if size == (1 << bits) - 1 else size), at + count


def _void(element: _Element) -> Blank:
    """Return a void element of exactly the same length in an element's place."""
    total = element.end - element.offset
    # Two bytes are the least there is; the length takes eight bytes where there is room for them.
    start = (
        b"\xec" + (1 << 56 | total - 9).to_bytes(8)
        if total >= 9
        else b"\xec" + bytes([0x80 | total - 2])
    )
    return Blank(element.offset, total, start)
