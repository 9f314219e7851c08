"""Decodes untrusted videos frame by frame, only in the confined process."""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from av import VideoFrame, VideoStream
from av.buffer import Buffer
from av.container import InputContainer
from PIL import Image, ImageOps

from ringback.engines.sketch.motion.decoding import VIDEOS, best_stream, codec_of, open_media
from ringback.engines.sketch.motion.plates import View
from ringback.errors import EngineError
from ringback.files.media.content import SHAPE_MAX
from ringback.files.media.pictures import on_white, upright

PIXELS_MAX = 4096 * 2304
"""Pixels of one decoded frame; more would not be visible in a clip."""
FRAMES_MAX = 3_600
DECODED_PIXELS_MAX = 16_000_000_000
"""Pixels of all decoded frames; a minute of 4K at 30 frames per second has 15 billion."""
_TAIL_S = 4
_MICROSECONDS = 1_000_000
UNREADABLE = "An input video cannot be read; send an MP4, MOV or WebM file."
_TOO_LARGE = f"The frames of an input video are too large; at most {PIXELS_MAX:,} pixels are read."
_WITH_ALPHA = frozenset({"pal8"})  # beside the formats that have a component of that name


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The times of a video's beginning and end, and the number of its frames."""

    first_s: float = 0.0
    last_s: float = 0.0
    frames: int = 0

    @property
    def seconds(self) -> float:
        """The duration of the frames."""
        return self.last_s - self.first_s


def seconds_of(path: Path) -> float:
    """Return the duration of a video's frames; a header's may be missing or a placeholder."""
    return span_of(path).seconds


def span_of(path: Path) -> Span:
    """Return when a video's frames begin and end, and their number; nothing is decoded."""
    with open_video(path) as (container, stream):
        shown = [
            (packet.pts, packet.duration or 0)
            for packet in container.demux(stream)
            if packet.pts is not None and not packet.is_discard
        ]
        if not shown or stream.time_base is None:
            return Span()
        first, last = min(shown)[0], max(shown)[0]
        # A frame without a duration is shown as long as the others on average.
        average = (last - first) / max(1, len(shown) - 1)
        end = max(pts + (lasts or average) for pts, lasts in shown)
        return Span(
            first_s=float(first * stream.time_base),
            last_s=float(end * stream.time_base),
            frames=len(shown),
        )


def check_cost(path: Path, *, seconds: float) -> None:
    """Raise ``EngineError`` for a video whose first seconds are too costly to decode.

    Nothing is decoded: the frames are counted from the header.
    """
    lasts_s = seconds_of(path)
    with open_video(path) as (_, stream):
        share = min(1.0, seconds / lasts_s) if lasts_s > 0 else 1.0
        frames = min(FRAMES_MAX, stream.frames * share)
        context = stream.codec_context
        _check_pixels(round(frames * context.width * context.height))


def first_of(path: Path) -> Image.Image:
    """Return a video's first frame."""
    with open_video(path) as (container, stream):
        return _picture(next(frames_in(container, stream), None), stream)


def last_of(path: Path, *, pixels_max: int = DECODED_PIXELS_MAX) -> Image.Image:
    """Return a video's last frame."""
    span = span_of(path)
    with open_video(path) as (container, stream):
        if span.seconds > _TAIL_S:
            container.seek(round((span.last_s - _TAIL_S) * _MICROSECONDS))
        last = deque(frames_in(container, stream, pixels_max), maxlen=1)
        return _picture(last[0] if last else None, stream)


class Footage:
    """A video's frames at given moments, which must not go backwards."""

    def __init__(self, path: Path, view: View) -> None:
        self._view = view
        self._frames = _decoded(path)
        self._next = next(self._frames, None)
        if self._next is None:
            raise EngineError(UNREADABLE)
        self._current = self._fit(*self._next[1])

    def at(self, seconds: float) -> Image.Image:
        """Return the frame at that moment; after the video's end, the last one."""
        due = None
        while self._next is not None and self._next[0] <= seconds:
            due = self._next[1]
            self._next = next(self._frames, None)
        if due is not None:
            self._current = self._fit(*due)
        return self._current

    def _fit(self, frame: VideoFrame, stream: VideoStream) -> Image.Image:
        return ImageOps.fit(_picture(frame, stream, self._view), self._view)


def _decoded(path: Path) -> Generator[tuple[float, tuple[VideoFrame, VideoStream]], None, None]:
    with open_video(path) as (container, stream):
        start = None
        for number, frame in enumerate(frames_in(container, stream)):
            seconds = frame.time if frame.time is not None else number / 24
            start = seconds if start is None else start
            yield seconds - start, (frame, stream)


def frames_in(
    container: InputContainer, stream: VideoStream, pixels_max: int = DECODED_PIXELS_MAX
) -> Iterator[VideoFrame]:
    """Yield the frames as they are decoded; raise ``EngineError`` beyond the limits."""
    pixels = 0
    for number, frame in enumerate(container.decode(stream)):
        _check_frame_size(frame.width, frame.height)
        pixels += frame.width * frame.height
        _check_pixels(pixels, pixels_max)
        yield frame
        if number >= FRAMES_MAX:
            return


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video that can be decoded, or raise ``EngineError``."""
    with open_media(path, kinds=VIDEOS, unreadable=UNREADABLE) as (container, codecs):
        stream = best_stream(container, "video")
        if not isinstance(stream, VideoStream):
            _refuse("An input video has no frames.")
        context = stream.codec_context
        if context is None:
            _refuse(
                f"An input video is coded as {codec_of(stream, codecs)}, which cannot be decoded; "
                "send H.264, H.265, VP9 or AV1."
            )
        _check_frame_size(context.width, context.height)
        context.thread_count = 1
        yield container, stream


def _picture(
    frame: VideoFrame | None, stream: VideoStream, view: View | None = None
) -> Image.Image:
    """Return a frame as players show it, no larger than needed to fill the view.

    It is turned and mirrored by the film's matrix, in square pixels, and on white where it is
    transparent.
    """
    if frame is None:
        _refuse(UNREADABLE)
    _check_frame_size(frame.width, frame.height)
    width, height = frame.width * pixel_shape_of(stream), float(frame.height)
    scale = min(1.0, math.sqrt(PIXELS_MAX / (width * height)))
    if view is not None:
        scale = min(scale, max(view) * 1.2 / min(width, height))
    size = max(2, round(width * scale)), max(2, round(height * scale))
    form = "rgba" if has_alpha(frame) else "rgb24"
    pixels = frame.reformat(width=size[0], height=size[1], format=form).to_ndarray()
    return upright(on_white(Image.fromarray(pixels)), orientation_of(frame))


def has_alpha(frame: VideoFrame) -> bool:
    """Return whether a frame may be transparent."""
    return frame.format.name in _WITH_ALPHA or any(
        component.is_alpha for component in frame.format.components
    )


def pixel_shape_of(stream: VideoStream) -> float:
    """Return the width of a pixel by its height; 1 where it is missing or absurd."""
    shape = stream.sample_aspect_ratio
    return float(shape) if shape and 1 / SHAPE_MAX <= shape <= SHAPE_MAX else 1.0


def orientation_of(frame: VideoFrame) -> int:
    """Return the orientation that a film's matrix gives its frames, as EXIF numbers it."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, Buffer):
        return 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return {(True, True): 1, (False, True): 2, (False, False): 3, (True, False): 4}[
            a >= 0, d >= 0
        ]
    return {(True, True): 5, (True, False): 6, (False, False): 7, (False, True): 8}[b >= 0, c >= 0]


def _check_frame_size(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        _refuse(_TOO_LARGE)


def _check_pixels(pixels: int, pixels_max: int = DECODED_PIXELS_MAX) -> None:
    if pixels > pixels_max:
        _refuse(
            "An input video is too much work to decode: its frames have "
            f"{pixels / 1e6:,.0f} million pixels together; at most {pixels_max / 1e6:,.0f} million "
            "are decoded. Send a shorter or smaller one."
        )


def _refuse(sentence: str) -> NoReturn:
    raise EngineError(sentence)
