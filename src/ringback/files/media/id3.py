"""Texts in the ID3v2 tag at the beginning of an MP3. Pure."""

from __future__ import annotations

from collections.abc import Iterator

SHAPE = "ringback_shape"
"""The tag of a sound's shape: its highest levels along its length, in hexadecimal digits."""
SHAPE_POINTS = 240

_HEAD = 10
_FRAMES_MAX = 64
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def texts_in(head: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and text of each text frame at the beginning of a file, as far as it goes.

    A user's own text has the name that it was given; others have the names of their frames.
    """
    if head[:3] != b"ID3" or len(head) < _HEAD or head[3] not in (3, 4) or head[5] & 0xC0:
        return
    end = min(len(head), _HEAD + _synchsafe(head[6:10]))
    at = _HEAD
    for _ in range(_FRAMES_MAX):
        name, raw = head[at : at + 4], head[at + 4 : at + 8]
        size = _synchsafe(raw) if head[3] == 4 else int.from_bytes(raw)
        body = head[at + _HEAD : at + _HEAD + size]
        at += _HEAD + size
        if not name.isalnum() or size == 0 or at > end:
            return
        if name[:1] == b"T" and (found := _text(body)) is not None:
            if name == b"TXXX":
                own, _, value = found.partition("\0")
                yield own, value.rstrip("\0")
            else:
                yield name.decode("ascii"), found.partition("\0")[0]


def _synchsafe(raw: bytes) -> int:
    number = 0
    for byte in raw:
        number = number << 7 | byte & 0x7F
    return number


def _text(body: bytes) -> str | None:
    if not body or body[0] >= len(_ENCODINGS):
        return None
    try:
        return body[1:].decode(_ENCODINGS[body[0]])
    except UnicodeDecodeError:
        return None
