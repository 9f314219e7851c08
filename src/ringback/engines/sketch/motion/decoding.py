"""Opening strangers' videos and sounds for decoding, in the limited process alone."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from ringback.errors import EngineError, InvalidMedia
from ringback.media.content import MediaType
from ringback.media.looking import look

VIDEOS = {MediaType.MP4: "mov", MediaType.MOV: "mov", MediaType.WEBM: "matroska"}
SOUNDS = {**VIDEOS, MediaType.WAV: "wav", MediaType.MP3: "mp3"}
"""The demultiplexer of each type that is read."""


@contextmanager
def opened(
    path: Path, *, kinds: Mapping[MediaType, str], unreadable: str
) -> Iterator[InputContainer]:
    """Open a stranger's file for decoding, or raise ``EngineError`` with that sentence.

    Its type is found by its content and handed to the decoder, which else would try all that it
    knows, and some of those open other files.
    """
    kind = kinds.get(_type_of(path, unreadable))
    if kind is None:
        raise EngineError(unreadable)
    try:
        with (
            path.open("rb") as file,
            av.open(file, "r", format=kind, options={"protocol_whitelist": ""}) as container,
        ):
            yield container
    except (EngineError, MemoryError):
        raise
    except Exception as exc:
        # A hostile file can raise anything at all from a decoder; all of it means the same.
        raise EngineError(unreadable) from exc


def _type_of(path: Path, unreadable: str) -> MediaType:
    if not path.stat().st_size:
        raise EngineError(unreadable)
    try:
        with (
            path.open("rb") as file,
            closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as content,
        ):
            return look(content).facts.media_type
    except InvalidMedia as exc:
        raise EngineError(f"{unreadable} {exc}") from exc
