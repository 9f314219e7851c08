"""The size of an enhanced clip, bounded by the work that one job may make. Pure."""

from __future__ import annotations

import math

from ringback.engines.sketch.enhance_video.spec import VideoEnhancement
from ringback.engines.sketch.motion import footage
from ringback.engines.sketch.motion.footage import Span
from ringback.errors import EngineError

FRAME_PIXELS_MAX = 3840 * 2160
CLIP_PIXELS_MAX = 2_000_000_000
"""Pixels of all frames that are written: 40 s of 1080p at 24 frames per second."""
FRAMES_MAX = 30_000
_COMPENSATED_COST = 3  # in time and in memory, of a source pixel beside one that is written
_COMPENSATED_MAX = 11_100_000  # such pixels of a frame, for its memory
SIDE_MIN = 64
SECONDS_MAX = 300.0

Size = tuple[int, int]


def size_of(enhancement: VideoEnhancement, shown: Size, *, frames: int) -> Size:
    """Return the even size of the result, or raise ``EngineError`` if it is too much work.

    ``shown`` is the size at which players show the input.
    """
    check_frames(frames)
    requested = _requested(enhancement, shown)
    if requested is None:
        return _usual(enhancement, shown, frames)
    size = _even(*requested)
    if size[0] * size[1] > FRAME_PIXELS_MAX:
        raise EngineError(
            f"A frame of {size[0]:,} x {size[1]:,} pixels is too large; at most "
            f"{FRAME_PIXELS_MAX / 1e6:.1f} megapixels are made. "
            f"Ask for at most {_named(_within(size, FRAME_PIXELS_MAX))} pixels."
        )
    _check_clip(size, frames)
    return size


def can_follow_motion(source: Size, size: Size, *, frames: int) -> bool:
    """Return whether time and memory suffice for frames that follow the input's motion."""
    pixels = size[0] * size[1] + _COMPENSATED_COST * source[0] * source[1]
    return pixels <= _COMPENSATED_MAX and pixels * frames <= CLIP_PIXELS_MAX


def check_input(span: Span) -> None:
    """Raise ``EngineError`` for an input of which not all could be enhanced."""
    if span.frames > footage.FRAMES_MAX:
        raise EngineError(
            f"An input video of {span.frames:,} frames is too long to enhance; send one of at "
            f"most {footage.FRAMES_MAX:,}."
        )
    if span.seconds > SECONDS_MAX:
        raise EngineError(
            f"An input video of {span.seconds:,.0f} s is too long to enhance; send one of at "
            f"most {SECONDS_MAX:,.0f} s."
        )


def check_frames(frames: int) -> None:
    """Raise ``EngineError`` for a result of too many frames."""
    if frames > FRAMES_MAX:
        raise EngineError(
            f"A clip of {frames:,} frames is too long; at most {FRAMES_MAX:,} are made. Ask for "
            "a lower frame_interpolation_fps or frame_interpolation_slowmo, or send a shorter clip."
        )


def _requested(enhancement: VideoEnhancement, shown: Size) -> tuple[float, float] | None:
    width, height = enhancement.width, enhancement.height
    if enhancement.factor is not None:
        return shown[0] * enhancement.factor, shown[1] * enhancement.factor
    if width is None and height is None:
        return None
    ratio = shown[0] / shown[1]
    return width or (height or 0) * ratio, height or (width or 0) / ratio


def _usual(enhancement: VideoEnhancement, shown: Size, frames: int) -> Size:
    """Return the size of a request without one: as large as the limits allow."""
    own = _within(_even(*shown), FRAME_PIXELS_MAX)
    _check_clip(own, frames)
    factor = enhancement.usual_factor
    limit = min(FRAME_PIXELS_MAX, CLIP_PIXELS_MAX // max(1, frames))
    return max(own, _within(_even(shown[0] * factor, shown[1] * factor), limit))


def _check_clip(size: Size, frames: int) -> None:
    pixels = size[0] * size[1] * frames
    if pixels > CLIP_PIXELS_MAX:
        smaller = _within(size, CLIP_PIXELS_MAX // frames)
        raise EngineError(
            f"{frames:,} frames of {_named(size)} pixels are {pixels / 1e6:,.0f} megapixels "
            f"together; at most {CLIP_PIXELS_MAX / 1e6:,.0f} are made. Ask for at most "
            f"{_named(smaller)} pixels or a lower frame rate, or send a shorter clip."
        )


def _within(size: Size, pixels: int) -> Size:
    """Return the largest even size of that shape with at most so many pixels."""
    if size[0] * size[1] <= pixels:
        return size
    scale = math.sqrt(pixels / (size[0] * size[1]))
    wide, high = (max(SIDE_MIN, int(side * scale / 2) * 2) for side in size)
    return wide, high


def _even(width: float, height: float) -> Size:
    wide, high = (max(SIDE_MIN, round(side / 2) * 2) for side in (width, height))
    return wide, high


def _named(size: Size) -> str:
    return f"{size[0]:,} x {size[1]:,}"
