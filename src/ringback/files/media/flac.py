"""FLAC (RFC 9639): blocks of metadata, then frames, with other programs' tags around them."""

from __future__ import annotations

from ringback.errors import InvalidMedia
from ringback.files.media import mp3
from ringback.files.media.content import (
    Content,
    Copy,
    Facts,
    MediaType,
    Parsed,
    read_bytes,
    read_uint,
)

START = b"fLaC"
STREAMINFO_BYTES = 34
LAST = 0x80
"""The flag of the last block of metadata."""
_BLOCKS_MAX = 10_000
_SYNC = (b"\xff\xf8", b"\xff\xf9")
_TAG = b"TAG"  # ID3v1
_TAG_BYTES = 128


def begins(content: Content) -> bool:
    """Return whether the file begins like a FLAC, also after tags of ID3."""
    at = mp3.end_of_tags(content)
    return content[at : at + len(START)] == START


def parse(content: Content) -> Parsed:
    """Parse a FLAC; all blocks but the stream's own facts, and all tags, are left out."""
    info, at = _blocks(content, mp3.end_of_tags(content) + len(START))
    end = len(content)
    if content[max(at, end - _TAG_BYTES) : end].startswith(_TAG):
        end -= _TAG_BYTES
    if content[at : at + 2] not in _SYNC:
        raise InvalidMedia("The FLAC file has no sound.")
    rate, samples = rate_and_samples(info)
    if not rate:
        raise InvalidMedia("The FLAC file has no sample rate.")
    # Writers to a pipe do not know how many samples there will be.
    facts = Facts(media_type=MediaType.FLAC, duration_s=samples / rate if samples else None)
    head = START + bytes([LAST]) + len(info).to_bytes(3) + info
    return Parsed(facts=facts, pieces=(head, Copy(at, end - at)), codecs=("FLAC",))


def rate_and_samples(info: bytes) -> tuple[int, int]:
    """Return the samples per second and the samples in all; 0 for those that are not known."""
    numbers = int.from_bytes(info[10:18].ljust(8, b"\0"))
    return numbers >> 44, numbers & (1 << 36) - 1


def _blocks(content: Content, at: int) -> tuple[bytes, int]:
    """Return the stream's facts, and the offset behind the last block of metadata."""
    info = b""
    for _ in range(_BLOCKS_MAX):
        kind, count = read_uint(content, at, 1), read_uint(content, at + 1, 3)
        at += 4 + count
        if not kind & ~LAST and count == STREAMINFO_BYTES and not info:
            info = read_bytes(content, at - count, count)
        if kind & LAST:
            break
    if not info:
        raise InvalidMedia("The FLAC file does not say how its sound is stored.")
    return info, at
