"""JPEG (ITU-T T.81): markers and segments, then scans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    PICTURE_PARTS_MAX,
    Content,
    Copy,
    Facts,
    MediaType,
    Parsed,
    Piece,
    read_bytes,
    read_uint,
)
from ringback.files.media.cost import check_scans, jpeg_s
from ringback.files.media.exif import upright_tiff

START = b"\xff\xd8\xff"
_EOI, _SOS = 0xD9, 0xDA
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # TEM and RSTn have no length
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ARITHMETIC = frozenset(range(0xC9, 0xD0))
_EXIF = b"Exif\x00\x00"
# The application segments that affect the pixels: JFIF, colour profile, Adobe's transform.
_KEPT = ((0xE0, b"JFIF\x00"), (0xE2, b"ICC_PROFILE\x00"), (0xEE, b"Adobe"))
# Searched by regular expressions, because a file may consist of such bytes.
_FILL_BYTES = re.compile(rb"\xff*(?=\xff)")
_NEXT_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")


class Segment(NamedTuple):
    """A marker with its segment; the length includes the marker."""

    marker: int
    offset: int
    length: int


def parse(content: Content) -> Parsed:
    """Parse a JPEG; metadata and any data after its end are left out."""
    pieces: list[Piece] = [Copy(0, 2)]
    size: tuple[int, int] | None = None
    work = _Work()
    for segment in segments(content):
        if segment.marker in _FRAMES and size is None:
            height, width = (read_uint(content, segment.offset + at, 2) for at in (5, 7))
            size = (width, height)
        work.add(content, segment)
        if not is_metadata(content, segment):
            pieces.append(Copy(segment.offset, segment.length))
        elif (tiff := _tiff(content, segment)) and (kept := upright_tiff(tiff)):
            pieces.append(_app1(kept))
    if size is None or not all(size):
        raise InvalidMedia("The JPEG file has no image.")
    check_scans(work.scans)
    facts = Facts(media_type=MediaType.JPEG, width=size[0], height=size[1], frames=1)
    return Parsed(facts=facts, pieces=tuple(pieces), cost_s=work.cost_s())


class _Work:
    """Adds up the work of a decoder, segment by segment."""

    def __init__(self) -> None:
        self.scans = 0
        self._parts = self._scan_bytes = self._metadata_bytes = 0
        self._pixels = self._samples = 0
        self._shares: dict[int, float] = {}  # samples per pixel of each component
        self._is_arithmetic = False

    def add(self, content: Content, segment: Segment) -> None:
        """Add a segment."""
        self._parts += 1
        if segment.marker in _FRAMES and not self._pixels:
            self._begin(content, segment)
        elif segment.marker == _SOS:
            self.scans += 1
            self._scan_bytes += segment.length
            count = read_uint(content, segment.offset + 4, 1)
            chosen = read_bytes(content, segment.offset + 5, 2 * count)[::2]
            # An undeclared component is a decoder's error; one sample per pixel is an upper bound.
            share = sum(self._shares.get(one, 1.0) for one in chosen)
            self._samples += round(self._pixels * share)
        elif is_metadata(content, segment):
            self._metadata_bytes += segment.length

    def cost_s(self) -> float:
        """Return the cost of decoding."""
        return jpeg_s(
            pixels=self._pixels,
            components=max(1, len(self._shares)),
            samples_of_scans=self._samples,
            scan_bytes=self._scan_bytes,
            metadata_bytes=self._metadata_bytes,
            parts=self._parts,
            is_arithmetic=self._is_arithmetic,
        )

    def _begin(self, content: Content, segment: Segment) -> None:
        height, width = (read_uint(content, segment.offset + at, 2) for at in (5, 7))
        self._pixels = width * height
        self._is_arithmetic = segment.marker in _ARITHMETIC
        count = read_uint(content, segment.offset + 9, 1)
        components = read_bytes(content, segment.offset + 10, 3 * count)
        areas = {
            components[at]: (components[at + 1] >> 4) * (components[at + 1] & 15)
            for at in range(0, 3 * count, 3)
        }
        largest = max(1, *areas.values()) if areas else 1
        self._shares = {component: area / largest for component, area in areas.items()}


def segments(content: Content) -> Iterator[Segment]:
    """Yield the segments to the end of the image, each scan with its data."""
    at = 2
    for _ in range(PICTURE_PARTS_MAX):
        if (fill := _FILL_BYTES.match(content, at)) is not None:
            at = fill.end()
        if read_bytes(content, at, 1) != b"\xff":
            raise InvalidMedia("The JPEG file is broken between two segments.")
        marker = read_uint(content, at + 1, 1)
        end = at + 2
        if marker not in _ALONE and marker != _EOI:
            count = read_uint(content, end, 2)
            if count < 2:
                raise InvalidMedia("The JPEG file has a segment of impossible length.")
            end += count
            read_bytes(content, end - 1, 1)
        if marker == _SOS:
            end = _scan_end(content, end)
        yield Segment(marker, at, end - at)
        if marker == _EOI:
            return
        at = end
    raise InvalidMedia("The JPEG file has too many segments.")


def is_metadata(content: Content, segment: Segment) -> bool:
    """Return whether a segment is a comment, or an application's that decoders do not need."""
    if segment.marker == 0xFE:
        return True
    if not 0xE0 <= segment.marker <= 0xEF:
        return False
    begins = content[segment.offset + 4 : segment.offset + 16]
    return not any(segment.marker == kind and begins.startswith(name) for kind, name in _KEPT)


def _tiff(content: Content, segment: Segment) -> bytes | None:
    body = (
        read_bytes(content, segment.offset + 4, segment.length - 4)
        if segment.marker == 0xE1
        else b""
    )
    return body[len(_EXIF) :] if body.startswith(_EXIF) else None


def _app1(tiff: bytes) -> bytes:
    body = _EXIF + tiff
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body


def _scan_end(content: Content, at: int) -> int:
    """Return the offset of the next segment; stuffed bytes and restarts belong to the scan."""
    marker = _NEXT_MARKER.search(content, at)
    if marker is None:
        raise InvalidMedia("The JPEG file is cut short.")
    return marker.start()
