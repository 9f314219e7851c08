"""Opens untrusted videos and sounds for decoding, only in the confined process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Stream

from ringback.errors import EngineError, InvalidMedia
from ringback.files.media.content import MediaType, StrippedFile, mapped
from ringback.files.media.parsing import parse

VIDEOS = {MediaType.MP4: "mov", MediaType.MOV: "mov", MediaType.WEBM: "matroska"}
SOUNDS = {
    **VIDEOS,
    MediaType.WAV: "wav",
    MediaType.MP3: "mp3",
    MediaType.FLAC: "flac",
    MediaType.OGG: "ogg",
}
"""The demultiplexer of each supported type."""
_OPTIONS = {"protocol_whitelist": ""}


@contextmanager
def open_media(
    path: Path, *, kinds: Mapping[MediaType, str], unreadable: str
) -> Iterator[tuple[InputContainer, tuple[str, ...]]]:
    """Open an untrusted file for decoding; the names are those that it has for its codecs.

    It raises ``EngineError`` with the given message for one that cannot be read.

    The decoder is told the type found in the content; otherwise it would try all its formats, some
    of which open other files. As of an upload, it gets the copy without metadata, whose lengths
    are right and which has no trailer, so both doors come to the same verdict.
    """
    if not path.stat().st_size:
        raise EngineError(unreadable)
    with mapped(path) as content:
        try:
            parsed = parse(content)
        except InvalidMedia as exc:
            raise EngineError(f"{unreadable} {exc}") from exc
        kind = kinds.get(parsed.facts.media_type)
        if kind is None:
            raise EngineError(unreadable)
        file = StrippedFile(content, parsed.pieces)
        try:
            with av.open(file, "r", format=kind, options=_OPTIONS) as container:
                yield container, parsed.codecs
        except (EngineError, MemoryError):
            raise
        except Exception as exc:
            # A hostile file can make a decoder raise anything; all of it means the same.
            raise EngineError(unreadable) from exc


def best_stream(container: InputContainer, kind: Literal["audio", "video"]) -> Stream | None:
    """Return the stream of that kind that players choose, or None if there is none."""
    found = container.streams.best(kind)
    if found is not None:
        return found
    # FFmpeg chooses only among streams that it can decode.
    return next((one for one in container.streams if one.type == kind), None)


def codec_of(stream: Stream, codecs: tuple[str, ...]) -> str:
    """Return the name of a stream's codec; of an unknown one, the file's own name for it."""
    context: CodecContext | None = stream.codec_context
    if context is not None:
        return context.codec.canonical_name
    tag = codecs[stream.index] if stream.index < len(codecs) else ""
    return "".join(one for one in tag if one.isprintable()).strip() or "an unknown codec"
