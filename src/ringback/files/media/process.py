"""Runs in the processes that read untrusted files, and limits these processes."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from ringback.errors import InvalidMedia
from ringback.files.media.content import PICTURES, Content, Copy, Facts, Piece, mapped
from ringback.files.media.cost import time_limit_s
from ringback.files.media.parsing import parse

MEMORY_BYTES_MAX = 2 << 30
_NICENESS = 5  # the server has priority
_CPU_MARGIN_S = 5.0  # beyond the caller's timeout: it ends abandoned work
_UNREADABLE = "The image cannot be decoded: the file is broken, cut short or of a rare kind."
_COPY_BYTES = 1 << 20


class Stripped(Struct, frozen=True, kw_only=True):
    """The facts of a stripped file, and its cost of decoding."""

    facts: Facts
    cost_s: float


def confine() -> None:
    """Limit the memory of this process and lower its priority below the server's."""
    # Some systems lack these limits or forbid setting them; the work continues without.
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        unlimited = hard == resource.RLIM_INFINITY
        limit = MEMORY_BYTES_MAX if unlimited else min(hard, MEMORY_BYTES_MAX)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(AttributeError, OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) < _NICENESS:
            os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Let the system kill this process if the work inside uses more processor time."""
    before = None
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        before = resource.getrlimit(resource.RLIMIT_CPU)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = math.ceil(used.ru_utime + used.ru_stime + seconds + _CPU_MARGIN_S)
        at_most = [one for one in before if one != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_CPU, (min((limit, *at_most)), before[1]))
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_CPU, before)


def strip_file(path: str, stripped: str) -> bytes:
    """Write an untrusted file without its metadata to ``stripped``; nothing is decoded.

    Returns ``+`` and the encoded ``Stripped``, or ``-`` and the reason for the refusal.
    """
    confine()
    return outcome_of(lambda: msgspec.msgpack.encode(write_stripped(Path(path), Path(stripped))))


def decode_file(stripped: str, cost_s: float) -> bytes:
    """Decode a stripped image.

    Returns ``+`` and its displayed width and height, or ``-`` and the reason for the refusal.
    """
    confine()
    with cpu_limit(time_limit_s(cost_s)):
        return outcome_of(lambda: msgspec.msgpack.encode(_decoded_size(Path(stripped))))


def strip_and_decode(path: Path, stripped: Path) -> Facts:
    """Write a file without its metadata and return its facts, or raise ``InvalidMedia``."""
    facts = write_stripped(path, stripped).facts
    if facts.media_type not in PICTURES:
        return facts
    # The stripped copy is decoded, because only it is ever handed out.
    width, height = _decoded_size(stripped)
    return msgspec.structs.replace(facts, width=width, height=height)


def strip_result(path: str, stripped: str) -> bytes:
    """Write a file of any size without its metadata; as ``strip_file``, for files of providers."""
    confine()
    return outcome_of(
        lambda: msgspec.msgpack.encode(write_stripped(Path(path), Path(stripped), is_limited=False))
    )


def write_stripped(path: Path, stripped: Path, *, is_limited: bool = True) -> Stripped:
    """Write a file without its metadata, or raise ``InvalidMedia``; nothing is decoded."""
    with mapped(path) as content:
        parsed = parse(content, is_limited=is_limited)
        with stripped.open("wb") as output:
            for piece in parsed.pieces:
                _write(output, content, piece)
    return Stripped(facts=parsed.facts, cost_s=parsed.cost_s)


def outcome_of(work: Callable[[], bytes]) -> bytes:
    """Return ``+`` and the result of the work, or ``-`` and the reason for the refusal."""
    try:
        return b"+" + work()
    except InvalidMedia as exc:
        return b"-" + str(exc).encode()
    except MemoryError:
        return b"-The file needs too much memory to be read."


def _write(output: BinaryIO, content: Content, piece: Piece) -> None:
    if not isinstance(piece, Copy):
        output.write(piece)
        return
    end = piece.offset + piece.length
    for at in range(piece.offset, end, _COPY_BYTES):
        output.write(content[at : min(end, at + _COPY_BYTES)])


def _decoded_size(path: Path) -> tuple[int, int]:
    """Return an image's displayed size after decoding all of it, or raise ``InvalidMedia``."""
    from ringback.files.media.pictures import decoded_size

    try:
        return decoded_size(path)
    except MemoryError:
        raise
    except Exception as exc:
        # A hostile file can make a decoder raise anything; all of it means the same.
        raise InvalidMedia(_UNREADABLE) from exc
