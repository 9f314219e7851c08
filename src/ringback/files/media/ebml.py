"""WebM: the elements of EBML (RFC 8794) and Matroska (RFC 9559)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    PARTS_MAX,
    SHAPE_MAX,
    Blank,
    Content,
    Facts,
    MediaType,
    Parsed,
    blank_out,
    read_bytes,
    read_uint,
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
_SHOWN_WIDTH, _SHOWN_HEIGHT = 0x54B0, 0x54BA
_CONTAINERS = _MASTERS | {_EBML}
_KNOWN = _TOP | _MASTERS | _METADATA | {_EBML, _SIMPLE_BLOCK, _BLOCK, _TIME}
_DELAY_S_MAX = 60.0
_CODEC_BYTES_MAX = 64
_UNKNOWN_SIZE = frozenset((_SEGMENT, _CLUSTER))  # no writer uses it for others


class _Element(NamedTuple):
    kind: int
    offset: int
    data: int
    end: int


class _State:
    """The facts collected from the elements so far."""

    def __init__(self) -> None:
        self.blanks: list[Blank] = []
        self.scale_ns = 1_000_000
        self.duration: float | None = None
        self.track = 0
        self.video_track = 0  # the number of the first video track
        self.width: int | None = None
        self.height: int | None = None
        self.cluster_at = 0
        self.last_at = 0
        self.frames = 0
        self.codecs: list[str] = []
        self.shown: dict[int, int] = {}  # the displayed size, by element


def parse(content: Content) -> Parsed:
    """Parse a WebM; tags, attachments, chapters, names and dates are overwritten."""
    state = _State()
    is_webm = False
    end = 0
    for element in _elements(content, state):
        end = max(end, element.data if element.kind in _MASTERS else element.end)
        if element.kind == _DOCTYPE:
            is_webm = read_bytes(content, element.data, element.end - element.data).rstrip(
                b"\0"
            ) == (b"webm")
        elif element.kind in _METADATA:
            state.blanks.append(_void(element))
        elif element.kind not in _MASTERS:
            _read_element(state, content, element)
        elif element.kind == _TRACK:
            state.track = 0
    if not is_webm or not state.frames:
        raise InvalidMedia("The file is not WebM, or has no frames.")
    last_s = state.last_at * state.scale_ns / 1e9
    stated_s = (state.duration or 0) * state.scale_ns / 1e9
    # A stated duration that ends long after the last frame is a placeholder.
    duration_s = stated_s if 0 < stated_s <= 2 * last_s + _DELAY_S_MAX else last_s
    width, height = _shown_size(state)
    facts = Facts(
        media_type=MediaType.WEBM,
        width=width,
        height=height,
        duration_s=duration_s if math.isfinite(duration_s) and duration_s >= 0 else None,
        frames=state.frames if state.width else None,
    )
    return Parsed(facts=facts, pieces=blank_out(end, state.blanks), codecs=tuple(state.codecs))


def _shown_size(state: _State) -> tuple[int | None, int | None]:
    """Return the size in which the video is displayed."""
    width, height = state.width, state.height
    across, down = state.shown.get(_SHOWN_WIDTH), state.shown.get(_SHOWN_HEIGHT)
    if not across or not down or not width or not height:
        return width, height
    shape = across / down / (width / height)
    return (round(width * shape) if 1 / SHAPE_MAX <= shape <= SHAPE_MAX else width), height


def _elements(content: Content, state: _State) -> Iterator[_Element]:
    """Yield every element in order, with the children of containers.

    A container of wrong length ends with the one that it is in, or with its last element. An
    unknown or broken element after frames is a trailer, and ends the file.
    """
    at = 0
    ends = [len(content)]
    for _ in range(PARTS_MAX):
        while len(ends) > 1 and at >= ends[-1]:
            ends.pop()
        head = _head(content, at, has_frames=state.frames > 0) if at < len(content) else None
        if head is None:
            return
        kind, size, begins = head
        if kind in _TOP:
            # A cluster or segment of unknown size ends at its next sibling.
            del ends[2:]
        is_container = kind in _CONTAINERS
        end = ends[-1] if size is None else begins + size
        if is_container:
            end = max(begins, min(end, ends[-1]))
        if end > len(content):
            if state.frames and kind not in _KNOWN:
                return
            raise InvalidMedia("The WebM file is cut short.")
        yield _Element(kind, at, begins, end)
        if is_container:
            if len(ends) > 8:
                raise InvalidMedia("The WebM file is nested too deeply.")
            ends.append(end)
        at = begins if is_container else end
    raise InvalidMedia("The WebM file has too many elements.")


def _head(content: Content, at: int, *, has_frames: bool) -> tuple[int, int | None, int] | None:
    """Return an element's id, its length and where its content begins; None for a trailer."""
    try:
        kind, data = _id(content, at)
        size, begins = _size(content, data)
    except InvalidMedia:
        if has_frames:
            return None
        raise
    if size is not None or kind in _UNKNOWN_SIZE:
        return kind, size, begins
    if has_frames:
        return None
    raise InvalidMedia("The WebM file has an element of unknown length.")


def _read_element(state: _State, content: Content, element: _Element) -> None:
    """Update the state from one element."""
    count = element.end - element.data
    match element.kind:
        case 0x2AD7B1:
            state.scale_ns = _uint(content, element)
        case 0x4489 if count in (4, 8):
            form = ">f" if count == 4 else ">d"
            (state.duration,) = struct.unpack(form, read_bytes(content, element.data, count))
        case 0xD7:
            state.track = _uint(content, element)
        case 0xB0 if state.width is None:
            state.width, state.video_track = _uint(content, element), state.track
        case 0xBA if state.height is None:
            state.height = _uint(content, element)
        case 0x54B0 | 0x54BA if state.track == state.video_track:
            state.shown.setdefault(element.kind, _uint(content, element))
        case 0x86 if count <= _CODEC_BYTES_MAX:
            state.codecs.append(read_bytes(content, element.data, count).decode("latin-1"))
        case 0xE7:
            state.cluster_at = _uint(content, element)
        case 0xA3 | 0xA1:
            track, at = _size(content, element.data)
            relative = int.from_bytes(read_bytes(content, at, 2), signed=True)
            state.last_at = max(state.last_at, state.cluster_at + relative)
            state.frames += not state.video_track or track == state.video_track


def _uint(content: Content, element: _Element) -> int:
    if element.end - element.data > 8:
        raise InvalidMedia("The WebM file has an integer of more than eight bytes.")
    return read_uint(content, element.data, element.end - element.data)


def _id(content: Content, at: int) -> tuple[int, int]:
    first = read_uint(content, at, 1)
    count = 9 - first.bit_length()
    if not first or count > 4:
        raise InvalidMedia("The WebM file is broken between two elements.")
    return read_uint(content, at, count), at + count


def _size(content: Content, at: int) -> tuple[int | None, int]:
    """Return a length, or None if it is unknown, and the offset behind it."""
    first = read_uint(content, at, 1)
    if not first:
        raise InvalidMedia("The WebM file has an invalid length.")
    count = 9 - first.bit_length()
    bits = 7 * count
    size = read_uint(content, at, count) & ((1 << bits) - 1)
    return (None if size == (1 << bits) - 1 else size), at + count


def _void(element: _Element) -> Blank:
    """Return a void element of exactly the same length as an element."""
    total = element.end - element.offset
    # The minimum is two bytes; the length takes eight bytes where they fit.
    start = (
        b"\xec" + (1 << 56 | total - 9).to_bytes(8)
        if total >= 9
        else b"\xec" + bytes([0x80 | total - 2])
    )
    return Blank(element.offset, total, start)
