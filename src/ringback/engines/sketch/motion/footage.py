"""Videos from strangers: decoded with suspicion, frame by frame, in the limited process alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from av import VideoFrame
from av.container import InputContainer
from PIL import Image, ImageOps

from ringback.engines.sketch.motion.decoding import VIDEOS, opened
from ringback.engines.sketch.motion.plates import View
from ringback.errors import EngineError

PIXELS_MAX = 4096 * 2304
"""Of one frame of a video that is decoded; more would not be seen in a clip."""
FRAMES_MAX = 3_600
_TAIL_S = 4
_MICROSECONDS = 1_000_000
# Those that cameras and browsers make; the decoders of others have seen fewer hostile files.
_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg", "prores"})
_UNREADABLE = "An input video cannot be read; send an MP4, MOV or WebM file."
_TOO_LARGE = f"An input video has too large frames; at most {PIXELS_MAX:,} pixels are read."
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def seconds_of(path: Path) -> float:
    """Return how long a video is; decoded no further than its header."""
    with _video(path) as container:
        stream = container.streams.video[0]
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return (container.duration or 0) / _MICROSECONDS


def first_of(path: Path) -> Image.Image:
    """Return a video's first picture."""
    with _video(path) as container:
        frame = next(iter(container.decode(video=0)), None)
        return _picture(frame)


def last_of(path: Path) -> Image.Image:
    """Return a video's last picture."""
    with _video(path) as container:
        if container.duration and container.duration > _TAIL_S * _MICROSECONDS:
            container.seek(container.duration - _TAIL_S * _MICROSECONDS)
        last = None
        for number, frame in enumerate(container.decode(video=0)):
            _judge(frame.width, frame.height)
            last = frame
            if number >= FRAMES_MAX:
                break
        return _picture(last)


class Footage:
    """A video's frames at the moments that are asked for, which must not go backwards."""

    def __init__(self, path: Path, view: View) -> None:
        self._view = view
        self._frames = _decoded(path)
        self._next: tuple[float, VideoFrame] | None = next(self._frames, None)
        if self._next is None:
            raise EngineError(_UNREADABLE)
        self._shown = self._seen(self._next[1])

    def at(self, seconds: float) -> Image.Image:
        """Return the picture that is seen then; after the video's end, its last."""
        due = None
        while self._next is not None and self._next[0] <= seconds:
            due = self._next[1]
            self._next = next(self._frames, None)
        if due is not None:
            self._shown = self._seen(due)
        return self._shown

    def _seen(self, frame: VideoFrame) -> Image.Image:
        return ImageOps.fit(_picture(frame, self._view), self._view)


def _decoded(path: Path) -> Generator[tuple[float, VideoFrame], None, None]:
    with _video(path) as container:
        start = None
        for number, frame in enumerate(container.decode(video=0)):
            _judge(frame.width, frame.height)
            seconds = frame.time if frame.time is not None else number / 24
            start = seconds if start is None else start
            yield seconds - start, frame
            if number >= FRAMES_MAX:
                return


@contextmanager
def _video(path: Path) -> Iterator[InputContainer]:
    """Open a video whose pictures may be decoded, or raise ``EngineError``."""
    with opened(path, kinds=VIDEOS, unreadable=_UNREADABLE) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            _refuse("An input video has no pictures in it.")
        context = stream.codec_context
        if context.name not in _CODECS:
            _refuse(f"An input video is coded as {context.name}; send H.264, H.265, VP9 or AV1.")
        _judge(context.width, context.height)
        context.thread_count = 1
        yield container


def _picture(frame: VideoFrame | None, view: View | None = None) -> Image.Image:
    """Return a frame as a picture, upright, no larger than is needed to fill the view."""
    if frame is None:
        _refuse(_UNREADABLE)
    width, height = frame.width, frame.height
    _judge(width, height)
    if view is not None:
        scale = min(1.0, max(view) * 1.2 / min(width, height))
        width, height = max(2, round(width * scale)), max(2, round(height * scale))
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    image = Image.fromarray(pixels)
    turn = _TURNS.get(round(frame.rotation) % 360)
    return image if turn is None else image.transpose(turn)


def _judge(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        _refuse(_TOO_LARGE)


def _refuse(sentence: str) -> NoReturn:
    raise EngineError(sentence)
