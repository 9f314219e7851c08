"""JPEG (ITU-T T.81): markers and segments, then scans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.media.content import (
    PARTS_MAX,
    Content,
    Copy,
    Facts,
    Looked,
    MediaType,
    Piece,
    number,
    take,
)
from ringback.media.exif import upright_tiff

START = b"\xff\xd8\xff"
_EOI, _SOS = 0xD9, 0xDA
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # TEM and RSTn have no length
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF = b"Exif\x00\x00"
# Of the application's segments these decide how the picture looks: JFIF, colours, Adobe's colours.
_KEPT = ((0xE0, b"JFIF\x00"), (0xE2, b"ICC_PROFILE\x00"), (0xEE, b"Adobe"))


class Segment(NamedTuple):
    """A marker and its segment, length and all."""

    marker: int
    offset: int
    length: int


def look(content: Content) -> Looked:
    """Return what a JPEG is; whatever follows its end, and all but its picture, is left out."""
    pieces: list[Piece] = [Copy(0, 2)]
    size: tuple[int, int] | None = None
    for segment in segments(content):
        if segment.marker in _FRAMES and size is None:
            height, width = (number(content, segment.offset + at, 2) for at in (5, 7))
            size = (width, height)
        if not is_metadata(content, segment):
            pieces.append(Copy(segment.offset, segment.length))
        elif (tiff := _tiff(content, segment)) and (kept := upright_tiff(tiff)):
            pieces.append(_app1(kept))
    if size is None or not all(size):
        raise InvalidMedia("The JPEG file has no picture in it.")
    facts = Facts(media_type=MediaType.JPEG, width=size[0], height=size[1], frames=1)
    return Looked(facts=facts, pieces=tuple(pieces))


def segments(content: Content) -> Iterator[Segment]:
    """Yield the segments to the end of the picture, each scan with its data."""
    at = 2
    for _ in range(PARTS_MAX):
        while take(content, at, 1) == b"\xff" and take(content, at + 1, 1) == b"\xff":
            at += 1  # fill bytes
        if take(content, at, 1) != b"\xff":
            raise InvalidMedia("The JPEG file is broken between two segments.")
        marker = number(content, at + 1, 1)
        end = at + 2
        if marker not in _ALONE and marker != _EOI:
            count = number(content, end, 2)
            if count < 2:
                raise InvalidMedia("The JPEG file has a segment of impossible length.")
            end += count
            take(content, end - 1, 1)
        if marker == _SOS:
            end = _end_of_scan(content, end)
        yield Segment(marker, at, end - at)
        if marker == _EOI:
            return
        at = end
    raise InvalidMedia("The JPEG file has more segments than are read.")


def is_metadata(content: Content, segment: Segment) -> bool:
    """Say whether a segment is a comment, or an application's that no decoder needs."""
    if segment.marker == 0xFE:
        return True
    if not 0xE0 <= segment.marker <= 0xEF:
        return False
    begins = content[segment.offset + 4 : segment.offset + 16]
    return not any(segment.marker == kind and begins.startswith(name) for kind, name in _KEPT)


def _tiff(content: Content, segment: Segment) -> bytes | None:
    body = take(content, segment.offset + 4, segment.length - 4) if segment.marker == 0xE1 else b""
    return body[len(_EXIF) :] if body.startswith(_EXIF) else None


def _app1(tiff: bytes) -> bytes:
    body = _EXIF + tiff
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body


def _end_of_scan(content: Content, at: int) -> int:
    """Return where the next segment begins: stuffed bytes and restarts are the scan's own."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise InvalidMedia("The JPEG file is cut short.")
        following = number(content, at + 1, 1)
        if following == 0xFF:
            at += 1
        elif following == 0 or following in _ALONE:
            at += 2
        else:
            return at
