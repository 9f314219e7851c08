"""What runs in the process that strangers' files are looked at in, and how little it may take."""

from __future__ import annotations

import contextlib
import mmap
from pathlib import Path
from typing import BinaryIO

import msgspec

from ringback.errors import InvalidMedia
from ringback.media.content import PICTURES, Content, Copy, Facts, Piece
from ringback.media.looking import look

MEMORY_BYTES_MAX = 2 << 30
_UNREADABLE = "The picture cannot be decoded: the file is broken or cut short."
_COPY_BYTES = 1 << 20


def limit_memory() -> None:
    """Keep this process from taking the machine's memory, whatever a file makes it do."""
    # Not every system knows this limit or lets it be set; work goes on without it there.
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        unlimited = hard == resource.RLIM_INFINITY
        limit = MEMORY_BYTES_MAX if unlimited else min(hard, MEMORY_BYTES_MAX)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def take_in(path: str, kept: str) -> bytes:
    """Write a stranger's file without its metadata to ``kept``.

    Returns ``+`` and its facts, or ``-`` and the sentence why it is refused.
    """
    limit_memory()
    try:
        return b"+" + msgspec.msgpack.encode(keep(Path(path), Path(kept)))
    except InvalidMedia as exc:
        return b"-" + str(exc).encode()
    except MemoryError:
        return b"-The file needs more memory to be read than it may have."


def keep(path: Path, kept: Path) -> Facts:
    """Write a file without its metadata and return its facts, or raise ``InvalidMedia``."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            look(b"")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            looked = look(content)
            with kept.open("wb") as output:
                for piece in looked.pieces:
                    _write(output, content, piece)
    if looked.facts.media_type not in PICTURES:
        return looked.facts
    # What is decoded is what was kept: nobody will be handed anything else.
    width, height = _decoded_size(kept, looked.facts)
    return msgspec.structs.replace(looked.facts, width=width, height=height)


def _write(output: BinaryIO, content: Content, piece: Piece) -> None:
    if not isinstance(piece, Copy):
        output.write(piece)
        return
    end = piece.offset + piece.length
    for at in range(piece.offset, end, _COPY_BYTES):
        output.write(content[at : min(end, at + _COPY_BYTES)])


def _decoded_size(path: Path, facts: Facts) -> tuple[int, int]:
    """Return a picture's size as it is shown, when all of it could be decoded."""
    from ringback.media.pictures import decoded_size

    try:
        return decoded_size(path)
    except MemoryError:
        raise
    except Exception as exc:
        # A hostile file can raise anything at all from a decoder; all of it means the same.
        raise InvalidMedia(_UNREADABLE) from exc
