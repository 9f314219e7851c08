"""Writes a downloaded picture to a terminal in the terminal's protocol."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ringback.cli.console.pictures import sequences
from ringback.cli.console.pictures.protocols import Protocol
from ringback.cli.console.pictures.sixel import Indexed, sixel

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")

_BYTES_MAX = 20 * 2**20
_PIXELS_MAX = 40_000_000
_SIXEL_WIDTH_MAX = 560
_MAGIC = (sequences.PNG, b"\xff\xd8\xff", b"GIF8", b"RIFF")


def show_picture(path: Path, protocol: Protocol) -> bool:
    """Show a picture on standard output, and say whether that was possible."""
    if path.stat().st_size > _BYTES_MAX:
        return False
    content = path.read_bytes()
    if not content.startswith(_MAGIC):
        return False
    sequence = sequence_for(content, protocol, columns=shutil.get_terminal_size().columns)
    if sequence is None:
        return False
    sys.stdout.write(sequence)
    sys.stdout.flush()
    return True


def sequence_for(content: bytes, protocol: Protocol, *, columns: int) -> str | None:
    """Return the escape sequence that shows a picture, or None if it cannot be converted."""
    match protocol:
        case Protocol.ITERM2:
            return sequences.iterm2(content, columns=columns)
        case Protocol.KITTY:
            is_png = content.startswith(sequences.PNG)
            png = content if is_png else _converted(content, _as_png)
            return None if png is None else sequences.kitty(png, columns=columns)
        case Protocol.SIXEL:
            picture = _converted(content, _indexed)
            return None if picture is None else sixel(picture)


def _as_png(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def _indexed(picture: Image.Image) -> Indexed:
    from ringback.files.media.pictures import on_white

    picture.thumbnail((_SIXEL_WIDTH_MAX, _SIXEL_WIDTH_MAX))
    few = on_white(picture).quantize(256)
    flat = few.getpalette() or []
    colours = [(flat[at], flat[at + 1], flat[at + 2]) for at in range(0, len(flat) - 2, 3)]
    return Indexed(few.width, few.height, few.tobytes(), colours)


def _converted(content: bytes, convert: Callable[[Image.Image], T]) -> T | None:
    """Return the converted picture, or None if it is broken or too large, or without Pillow.

    Pillow comes with the server. Its decoders may raise any exception for a broken picture.
    """
    try:
        from ringback.files.media.pictures import as_shown, open_picture
    except ImportError:
        return None
    with suppress(Exception), open_picture(content) as picture:
        if picture.width * picture.height <= _PIXELS_MAX:
            return convert(as_shown(picture))
    return None
