"""Reads the frames of an untrusted clip in one format, each with its time and duration."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from av import VideoFrame, VideoStream
from numpy.typing import NDArray
from PIL import Image

from ringback.engines.sketch.enhance_video.colours import Colours, colours_of, converted
from ringback.engines.sketch.enhance_video.sizes import Size
from ringback.engines.sketch.motion.footage import (
    UNREADABLE,
    Span,
    frames_in,
    has_alpha,
    open_video,
    orientation_of,
    pixel_shape_of,
)
from ringback.errors import EngineError
from ringback.files.media.pictures import on_white

_TICKS = 90_000
_TICKS_KNOWN = range(1_000, 1_000_001)  # time bases that containers use and encoders take
_RATE_USUAL = Fraction(24)
_RATES = (1, 240)
_TURNED = 5  # EXIF's orientations from here on exchange width and height
_REPEATS_MAX = 3  # in a row: a longer pause is a still passage


class Source:
    """The frames of a clip; each has its time since the first, and its duration, in ticks."""

    def __init__(self, path: Path, span: Span, *, pix_fmt: str) -> None:
        self._frames = _decoded(path)
        first = next(self._frames, None)
        if first is None:
            raise EngineError(UNREADABLE)
        self._first, stream = first
        self._pix_fmt = pix_fmt
        self._stream_base = stream.time_base or Fraction(1, _TICKS)
        self.size: Size = (self._first.width, self._first.height)
        self.orientation = orientation_of(self._first)
        self.colours: Colours = colours_of(self._first)
        self.rate = _rate_of(stream, span)
        self.seconds = span.seconds or float(1 / self.rate)
        self.time_base = _time_base_of(self._stream_base)
        wide = max(1, round(self.size[0] * pixel_shape_of(stream)))
        self.is_turned = self.orientation >= _TURNED
        self.shown: Size = (self.size[1], wide) if self.is_turned else (wide, self.size[1])

    def frames(self) -> Iterator[VideoFrame]:
        """Yield the frames in the work's format; one of another size is fitted to the first."""
        end = round(self.seconds / float(self.time_base))
        shown: tuple[int, VideoFrame] | None = None
        for at, frame in chain(self._timed(), [(end, None)]):
            if shown is not None:
                # How long a frame is shown is known at the next.
                began_at, before = shown
                before.pts, before.duration = began_at, max(1, at - began_at)
                before.time_base = self.time_base
                yield before
            shown = None if frame is None else (at, frame)

    def _timed(self) -> Iterator[tuple[int, VideoFrame | None]]:
        start, last = None, -1
        for number, frame in enumerate(chain([self._first], (one for one, _ in self._frames))):
            at = frame.pts
            if at is None:
                at = round(number / self.rate / self._stream_base)
            start = at if start is None else start
            # Of frames that claim the same time, or one before, each is shown a moment later.
            last = max(last + 1, round((at - start) * self._stream_base / self.time_base))
            yield last, self._fitted(frame)

    def _fitted(self, frame: VideoFrame) -> VideoFrame:
        if has_alpha(frame):
            pixels = frame.reformat(format="rgba", threads=1).to_ndarray()
            opaque = np.asarray(on_white(Image.fromarray(pixels)))
            frame = VideoFrame.from_ndarray(opaque, format="rgb24")
        made = converted(frame, self.colours, pix_fmt=self._pix_fmt)
        return made.reformat(width=self.size[0], height=self.size[1], threads=1)


def unrepeated(frames: Iterator[VideoFrame], *, below: float) -> Iterator[VideoFrame]:
    """Yield the frames without those that repeat the one before; the last one always remains."""
    kept = pending = None
    repeats = 0
    for frame in frames:
        small = _small(frame)
        if kept is not None and repeats < _REPEATS_MAX and _difference(kept, small) < below:
            pending, repeats = frame, repeats + 1
            continue
        kept, pending, repeats = small, None, 0
        yield frame
    if pending is not None:
        yield pending


def _decoded(path: Path) -> Generator[tuple[VideoFrame, VideoStream], None, None]:
    # The file is open within the generator: errors of others' work are not its own.
    with open_video(path) as (container, stream):
        for frame in frames_in(container, stream):
            yield frame, stream


def _small(frame: VideoFrame) -> NDArray[np.int16]:
    grey = frame.reformat(width=64, height=36, format="gray", interpolation="AREA", threads=1)
    return np.asarray(grey.to_ndarray(), dtype=np.int16)


def _difference(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    """Return the largest change of a part of the frame, as a share of white."""
    return float(np.abs(one - other).max()) / 255


def _time_base_of(base: Fraction) -> Fraction:
    is_known = base.numerator == 1 and base.denominator in _TICKS_KNOWN
    return base if is_known else Fraction(1, _TICKS)


def _rate_of(stream: VideoStream, span: Span) -> Fraction:
    """Return the frames per second on average, as players count them."""
    rate = stream.average_rate
    if rate is None and span.seconds > 0:
        rate = Fraction(span.frames / span.seconds).limit_denominator(1001)
    return rate if rate and _RATES[0] <= rate <= _RATES[1] else _RATE_USUAL
