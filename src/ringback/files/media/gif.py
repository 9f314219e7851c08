"""GIF (version 89a): its blocks, from the header to the trailer."""

from __future__ import annotations

from ringback.errors import InvalidMedia
from ringback.files.media.content import (
    PARTS_MAX,
    PICTURE_PARTS_MAX,
    Content,
    Copy,
    Facts,
    MediaType,
    Parsed,
    Piece,
    read_bytes,
    read_uint,
    read_uint_le,
)
from ringback.files.media.cost import gif_s

STARTS = (b"GIF87a", b"GIF89a")
_EXTENSION, _PICTURE, _TRAILER = 0x21, 0x2C, b";"
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_COLOURS = 0x80  # the flag of a colour table
_TOO_MANY = "The GIF file has too many parts."


def parse(content: Content) -> Parsed:
    """Parse a GIF; comments, texts, other extensions and data after its end are dropped."""
    at = 13 + _table_bytes(read_uint(content, 10, 1))
    pieces: list[Piece] = [Copy(0, len(read_bytes(content, 0, at)))]
    width, height = read_uint_le(content, 6, 2), read_uint_le(content, 8, 2)
    frames = parts = 0
    first_at = at
    while (kind := content[at : at + 1]) and kind != _TRAILER:
        if kind[0] == _EXTENSION:
            end, blocks = _blocks_end(content, at + 2, PICTURE_PARTS_MAX - parts)
            parts += 1 + blocks
            if _is_kept(content, at):
                pieces.append(Copy(at, end - at))
        elif kind[0] == _PICTURE:
            if not frames:
                # The first image may be larger than the announced screen.
                width, height = (
                    max(
                        screen,
                        read_uint_le(content, at + one, 2) + read_uint_le(content, at + two, 2),
                    )
                    for screen, one, two in ((width, 1, 5), (height, 3, 7))
                )
                first_at = at
            frames += 1
            begin = at + 11 + _table_bytes(read_uint(content, at + 9, 1))
            end, _ = _blocks_end(content, begin, PARTS_MAX)
            pieces.append(Copy(at, end - at))
        elif frames:
            break  # everything needed was read
        else:
            raise InvalidMedia("The GIF file is broken between two blocks.")
        at = end
    if not frames or not width or not height:
        raise InvalidMedia("The GIF file has no image, or is cut short before it.")
    facts = Facts(media_type=MediaType.GIF, width=width, height=height, frames=frames)
    cost_s = gif_s(pixels=width * height, data_bytes=len(content) - first_at, parts=parts)
    return Parsed(facts=facts, pieces=(*pieces, _TRAILER), cost_s=cost_s)


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & _COLOURS else 0


def _blocks_end(content: Content, at: int, blocks_max: int) -> tuple[int, int]:
    """Return the offset behind a sequence of data blocks, and their number."""
    blocks = 0
    while length := read_uint(content, at, 1):
        at += 1 + length
        blocks += 1
        if blocks > blocks_max:
            raise InvalidMedia(_TOO_MANY)
    return at + 1, blocks


def _is_kept(content: Content, at: int) -> bool:
    """Return whether an extension affects the frames or their repetition."""
    label = read_uint(content, at + 1, 1)
    return label == _CONTROL or (label == _APPLICATION and content[at + 3 : at + 14] in _LOOPS)
