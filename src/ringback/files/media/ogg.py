"""Ogg (RFC 3533) with sound in it: Opus, Vorbis, FLAC or Speex, in pages with check sums.

Comments are overwritten in place, so that pages keep their lengths and numbers; a page that was
changed gets a new check sum.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media import ogg_headers
from ringback.files.media.content import (
    PARTS_MAX,
    Content,
    Copy,
    Facts,
    MediaType,
    Parsed,
    Piece,
    read_uint_le,
)
from ringback.files.media.ogg_headers import Headers

START = b"OggS"
_HEAD_BYTES = 27
_CHECK_SUM_AT, _CHECK_SUM_END = 22, 26
_BEGINS = 2
_WHOLE_LACING = 255  # a packet goes on after a segment of this length
_NO_POSITION = (1 << 64) - 1
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_STREAMS_MAX = 1_000  # a recorder of a radio station begins one with each song
_HEADER_BYTES_MAX = 32 << 20  # comments with a large picture in them have some MB


class _Page(NamedTuple):
    offset: int
    length: int
    flags: int
    position: int  # the samples up to the end of the page
    stream: int
    lacing: bytes


class _Stream:
    """One stream of packets: its headers while they come, then the samples it has."""

    def __init__(self, *, group: int) -> None:
        self.group = group
        self.headers: Headers | None = None
        self.position = 0
        self.packet = bytearray()  # of a header that has not come whole
        self.spans: list[tuple[int, int]] = []  # of its bytes in the file

    @property
    def is_begun(self) -> bool:
        """Return whether all headers have come."""
        return self.headers is not None and self.headers.are_whole


def parse(content: Content) -> Parsed:
    """Parse an Ogg; comments, streams without sound and bytes between pages are left out."""
    streams: dict[int, _Stream] = {}
    pages: list[tuple[_Page, _Stream]] = []
    changes: dict[int, bytes] = {}
    group = begun = 0
    for page in _pages(content):
        if page.flags & _BEGINS:
            begun += 1
            if begun > _STREAMS_MAX:
                raise InvalidMedia("The Ogg file has too many streams.")
            group += bool(pages and not pages[-1][0].flags & _BEGINS)
            streams[page.stream] = _Stream(group=group)
        stream = streams.get(page.stream)
        if stream is None:
            raise InvalidMedia("The Ogg file does not begin with its headers.")
        if not stream.is_begun:
            changes |= _read_headers(content, page, stream)
        if stream.is_begun and page.position != _NO_POSITION:
            stream.position = page.position
        pages.append((page, stream))
    kept = [(page, stream) for page, stream in pages if stream.is_begun and stream.position]
    sounds = list(dict.fromkeys(stream for _, stream in kept))
    if not sounds:
        raise InvalidMedia("The Ogg file has no sound.")
    facts = Facts(media_type=MediaType.OGG, duration_s=_duration_s(sounds))
    names = tuple(dict.fromkeys(one.headers.codec for one in sounds if one.headers is not None))
    pieces = _pieces(content, [page for page, _ in kept], changes)
    return Parsed(facts=facts, pieces=pieces, codecs=names)


def check_sum(page: bytes) -> bytes:
    """Return the check sum of a page, in which the place of its own is zero.

    It is zlib's with the bits of each byte, and those of the result, in the other order.
    """
    register = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return register.to_bytes(4).translate(_REVERSED)


def _pages(content: Content) -> Iterator[_Page]:
    """Yield the whole pages; a last one that is cut is none."""
    at = content.find(START)
    for _ in range(PARTS_MAX):
        if at < 0 or at + _HEAD_BYTES > len(content):
            return
        lacing_end = at + _HEAD_BYTES + content[at + _HEAD_BYTES - 1]
        lacing = content[at + _HEAD_BYTES : lacing_end]
        end = lacing_end + sum(lacing)
        if end > len(content):
            return
        if content[at + 4]:
            raise InvalidMedia("The Ogg file is of a version that is not known.")
        yield _Page(
            offset=at,
            length=end - at,
            flags=content[at + 5],
            position=read_uint_le(content, at + 6, 8),
            stream=read_uint_le(content, at + 14, 4),
            lacing=lacing,
        )
        at = content.find(START, end)
    raise InvalidMedia("The Ogg file has too many pages.")


def _read_headers(content: Content, page: _Page, stream: _Stream) -> dict[int, bytes]:
    """Take the headers in a page; returns the bytes to write over comments, by offsets."""
    changes: dict[int, bytes] = {}
    at = page.offset + _HEAD_BYTES + len(page.lacing)
    for length in page.lacing:
        stream.packet += content[at : at + length]
        stream.spans.append((at, length))
        at += length
        if len(stream.packet) > _HEADER_BYTES_MAX:
            raise InvalidMedia("The Ogg file's headers are too large.")
        if length == _WHOLE_LACING:
            continue
        packet, spans = bytes(stream.packet), stream.spans
        stream.packet, stream.spans = bytearray(), []
        if stream.headers is None:
            stream.headers = ogg_headers.begin(packet)
        else:
            changes |= _split(stream.headers.add(packet), packet, spans)
        if stream.headers.are_whole:
            break
    return changes


def _split(kept: bytes, packet: bytes, spans: list[tuple[int, int]]) -> dict[int, bytes]:
    """Return the parts of a changed packet by their offsets in the file."""
    if kept == packet:
        return {}
    changes: dict[int, bytes] = {}
    done = 0
    for offset, length in spans:
        changes[offset] = kept[done : done + length]
        done += length
    return changes


def _pieces(content: Content, pages: list[_Page], changes: dict[int, bytes]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    waiting = sorted(changes.items(), reverse=True)
    for page in pages:
        end = page.offset + page.length
        while waiting and waiting[-1][0] < page.offset:
            waiting.pop()  # of a page that is left out
        if waiting and waiting[-1][0] < end:
            changed = bytearray(content[page.offset : end])
            while waiting and waiting[-1][0] < end:
                offset, part = waiting.pop()
                changed[offset - page.offset : offset - page.offset + len(part)] = part
            changed[_CHECK_SUM_AT:_CHECK_SUM_END] = bytes(4)
            changed[_CHECK_SUM_AT:_CHECK_SUM_END] = check_sum(bytes(changed))
            pieces.append(bytes(changed))
            continue
        last = pieces[-1] if pieces else b""
        if isinstance(last, Copy) and last.offset + last.length == page.offset:
            pieces[-1] = Copy(last.offset, last.length + page.length)
        else:
            pieces.append(Copy(page.offset, page.length))
    return tuple(pieces)


def _duration_s(sounds: list[_Stream]) -> float:
    """Return the duration: streams of one group play together, the groups one after another."""
    groups: dict[int, float] = {}
    for one in sounds:
        assert one.headers is not None
        lasts_s = one.headers.seconds(one.position)
        groups[one.group] = max(groups.get(one.group, 0.0), lasts_s)
    return sum(groups.values())
