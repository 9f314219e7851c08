"""A downloaded picture, written to a terminal in the way that it understands."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ringback.cli.pictures import sequences
from ringback.cli.pictures.protocols import Protocol
from ringback.cli.pictures.sixel import Indexed, sixel

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")

_BYTES_MAX = 20 * 2**20
_PIXELS_MAX = 40_000_000
_SIXEL_WIDTH_MAX = 560
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_MAGIC = (sequences.PNG, b"\xff\xd8\xff", b"GIF8", b"RIFF")


def show_picture(path: Path, protocol: Protocol) -> bool:
    """Show a picture on the standard output, and say whether that was possible."""
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
    """Return what shows a picture; None when it would have to be converted, and cannot be."""
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
    picture.convert("RGBA").save(written, "PNG")
    return written.getvalue()


def _indexed(picture: Image.Image) -> Indexed:
    picture.thumbnail((_SIXEL_WIDTH_MAX, _SIXEL_WIDTH_MAX))
    few = picture.convert("RGB").quantize(256)
    flat = few.getpalette() or []
    colours = [(flat[at], flat[at + 1], flat[at + 2]) for at in range(0, len(flat) - 2, 3)]
    return Indexed(few.width, few.height, few.tobytes(), colours)


def _converted(content: bytes, convert: Callable[[Image.Image], T]) -> T | None:
    """Return what is made of a picture; None without Pillow, and for what is broken or too large.

    Pillow comes with the server. Its decoders raise what they like over what is broken.
    """
    try:
        from PIL import Image
    except ImportError:
        return None
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            return convert(picture) if picture.width * picture.height <= _PIXELS_MAX else None
    return None
