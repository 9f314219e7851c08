"""MP3 (MPEG-1, -2 and -2.5, layer III): frames, with tags before and after them."""

from __future__ import annotations

from typing import NamedTuple

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    PARTS_MAX,
    Content,
    Copy,
    Facts,
    MediaType,
    Parsed,
    read_bytes,
)

_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_FRAMES_LEAST = 2  # two consecutive headers are not a coincidence
_RESYNC_BYTES_MAX = 4_096
_RESYNCS_MAX = 64
_INFO_AT_MOST = 40  # the highest offset of an info frame's mark


class Frame(NamedTuple):
    """The length, the samples and the sample rate of one frame."""

    length: int
    samples: int
    rate: int


def begins(content: Content) -> bool:
    """Return whether the file begins like an MP3."""
    if content[:3] == b"ID3":
        return True
    frame = _frame(content, 0)
    return frame is not None and (
        frame.length == len(content) or _frame(content, frame.length) is not None
    )


def parse(content: Content) -> Parsed:
    """Parse an MP3; tags and all other data that is not sound are left out."""
    pieces: list[Copy] = []
    samples_s = 0.0
    resyncs = 0
    at = end_of_tags(content)
    for index in range(PARTS_MAX):
        frame = _frame(content, at)
        if frame is None and resyncs < _RESYNCS_MAX:
            resyncs += 1
            at = _next(content, at)
            frame = _frame(content, at)
        if frame is None or at + frame.length > len(content):
            break
        _append(pieces, at, frame.length)
        if index or not _is_info_frame(content, at):
            samples_s += frame.samples / frame.rate
        at += frame.length
    else:
        raise InvalidMedia("The MP3 file has too many frames.")
    if index < _FRAMES_LEAST:
        raise InvalidMedia("The MP3 file has no sound.")
    facts = Facts(media_type=MediaType.MP3, duration_s=samples_s)
    return Parsed(facts=facts, pieces=tuple(pieces))


def end_of_tags(content: Content) -> int:
    """Return the offset behind the tags of ID3v2 with which a file begins."""
    at = 0
    for _ in range(16):
        head = content[at : at + 10]
        if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
            break
        count = 0
        for byte in head[6:10]:
            count = count << 7 | byte
        at += 10 + count + (10 if head[5] & 0x10 else 0)
    return at


def _frame(content: Content, at: int) -> Frame | None:
    head = content[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None  # no sync, or not layer III
    version, kbps_at, rate_at = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or kbps_at in (0, 15) or rate_at == 3:
        return None
    is_first = version == 3
    kbps = (_KBPS_1 if is_first else _KBPS_2)[kbps_at]
    rate, samples = _RATES[version][rate_at], 1152 if is_first else 576
    return Frame(samples // 8 * kbps * 1000 // rate + (head[2] >> 1 & 1), samples, rate)


def _next(content: Content, at: int) -> int:
    """Return the offset of the next frame that another follows, or the end of the search."""
    end = min(len(content), at + _RESYNC_BYTES_MAX)
    while (at := content.find(b"\xff", at + 1, end)) >= 0:
        frame = _frame(content, at)
        if frame is not None and _frame(content, at + frame.length) is not None:
            return at
    return end


def _append(pieces: list[Copy], at: int, count: int) -> None:
    if pieces and pieces[-1].offset + pieces[-1].length == at:
        pieces[-1] = Copy(pieces[-1].offset, pieces[-1].length + count)
    else:
        pieces.append(Copy(at, count))


def _is_info_frame(content: Content, at: int) -> bool:
    begins_with = read_bytes(content, at, min(_INFO_AT_MOST + 8, len(content) - at))
    return any(word in begins_with for word in (b"Xing", b"Info", b"VBRI"))
