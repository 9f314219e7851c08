"""Encodes the frames of an enhanced clip one by one, interleaved with its sound."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import Packet, VideoFrame
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from ringback.engines.sketch.enhance_video.colours import Colours
from ringback.engines.sketch.enhance_video.encodings import Encoding
from ringback.engines.sketch.motion.film import KEY_EVERY_S
from ringback.engines.sketch.motion.sound import Wave
from ringback.engines.sketch.motion.soundtrack import SoundTrack
from ringback.errors import EngineError

_LIMITED_RANGE = 1


def write(
    path: Path,
    frames: Iterable[VideoFrame],
    encoding: Encoding,
    *,
    size: tuple[int, int],
    rate: Fraction,
    time_base: Fraction,
    colours: Colours,
    sound: Wave | None,
    metadata: Mapping[str, str],
) -> None:
    """Encode the frames at their own times, or raise ``EngineError`` for too large a file."""
    with _limited(), _opened(path, encoding) as container:
        container.metadata.update(metadata)
        video = _video(container, encoding, size=size, rate=rate, time_base=time_base)
        _tag(video.codec_context, colours)
        audio = None if sound is None else SoundTrack(container, sound, encoding.sound)
        durations: dict[int | None, int] = {}
        for frame in frames:
            durations[frame.pts] = frame.duration
            _tag(frame, colours)  # ProRes takes these from each frame
            _mux(container, video.encode(frame), durations)
            if audio is not None and frame.time is not None:
                audio.write(until=frame.time + float(frame.duration * time_base))
        _mux(container, video.encode(None), durations)
        if audio is not None:
            audio.finish()


def _opened(path: Path, encoding: Encoding) -> OutputContainer:
    options = {"fflags": "+bitexact"}
    if encoding.container != "webm":
        options["movflags"] = "+faststart"
    return av.open(str(path), "w", format=encoding.container, options=options)


def _video(
    container: OutputContainer,
    encoding: Encoding,
    *,
    size: tuple[int, int],
    rate: Fraction,
    time_base: Fraction,
) -> VideoStream:
    stream = container.add_stream(encoding.codec, rate=rate, options=dict(encoding.options))
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = encoding.pix_fmt
    stream.time_base = stream.codec_context.time_base = time_base
    stream.codec_context.gop_size = max(1, round(KEY_EVERY_S * rate))
    if encoding.tag is not None:
        stream.codec_context.codec_tag = encoding.tag
    return stream


def _tag(target: VideoCodecContext | VideoFrame, colours: Colours) -> None:
    target.color_primaries = colours.primaries
    target.color_trc = colours.transfer
    target.colorspace = colours.matrix
    target.color_range = _LIMITED_RANGE


def _mux(
    container: OutputContainer, packets: Iterable[Packet[Any]], durations: dict[int | None, int]
) -> None:
    """Write packets with the duration of their frames, which not every encoder passes on."""
    for packet in packets:
        packet.duration = durations.pop(packet.pts, packet.duration or 0)
        container.mux(packet)


@contextmanager
def _limited() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno != errno.EFBIG:
            raise
        raise EngineError(
            "The result would be a larger file than one job may write; ask for a smaller size, a "
            "lower frame rate or another codec."
        ) from exc
