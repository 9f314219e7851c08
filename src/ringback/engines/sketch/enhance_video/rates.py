"""Frame rates of enhanced clips: the input's own times, or a constant rate with new frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from av import VideoFrame

from ringback.engines.sketch.enhance_video.filtering import Filter, FilterChain
from ringback.engines.sketch.enhance_video.source import Source, unrepeated
from ringback.engines.sketch.enhance_video.spec import FrameRate

_PADS = 3  # frames that the interpolation looks ahead
_HELD_AFTER = 4.5  # usual durations of a frame; three repeated ones may be left out before

Filters = Callable[[Iterator[VideoFrame]], Iterator[VideoFrame]]


def frames_of(source: Source, rate: FrameRate | None, span_frames: int) -> int:
    """Return the number of frames that the result has."""
    if rate is None:
        return span_frames
    return max(1, round(source.seconds * rate.slowdown * rate.per_second))


def own_times(frames: Iterator[VideoFrame], filters: Filters) -> Iterator[VideoFrame]:
    """Yield the filtered frames, each with the time and duration of its input."""
    times: deque[tuple[int, int, Fraction | None]] = deque()

    def noted() -> Iterator[VideoFrame]:
        for frame in frames:
            assert frame.pts is not None
            times.append((frame.pts, frame.duration, frame.time_base))
            yield frame

    for frame in filters(noted()):
        frame.pts, frame.duration, frame.time_base = times.popleft()
        yield frame


def constant(
    source: Source, frames: Iterator[VideoFrame], rate: FrameRate, *, count: int, pix_fmt: str
) -> Iterator[VideoFrame]:
    """Yield so many frames at that rate, those between the input's made by interpolation."""
    is_raised = rate.slowdown > 1 or rate.per_second > source.rate
    if is_raised and rate.repeat_below is not None:
        frames = unrepeated(frames, below=rate.repeat_below)
    chain = FilterChain(
        [_interpolation(rate) if is_raised else _dropping(rate)],
        size=source.size,
        pix_fmt=pix_fmt,
        time_base=source.time_base,
    )
    return _numbered(chain.run(_padded(frames, rate.slowdown, source)), count, rate.per_second)


def _dropping(rate: FrameRate) -> Filter:
    return "fps", {"fps": str(rate.per_second), "round": "near"}


def _interpolation(rate: FrameRate) -> Filter:
    fps = str(rate.per_second)
    if not rate.is_compensated:
        return "minterpolate", {"fps": fps, "mi_mode": "blend"}
    return "minterpolate", {"fps": fps, "mi_mode": "mci", "mc_mode": "obmc", "me": "epzs"}


def _padded(frames: Iterable[VideoFrame], slowdown: int, source: Source) -> Iterator[VideoFrame]:
    """Yield the frames at their slowed times, and the last one again until the clip's end.

    A frame that stays for long is repeated, so that it does not turn into the next all that time.
    """
    step = max(1, round(slowdown / source.rate / source.time_base))
    last, last_at = None, 0
    for frame in frames:
        assert frame.pts is not None
        at = frame.pts * slowdown
        if last is not None and at - last_at > _HELD_AFTER * step:
            yield from _again(last, range(last_at + step, at - step, step))
        last, last_at = frame, at
        yield from _again(frame, [at])
    if last is not None:
        end = round(source.seconds * slowdown / float(source.time_base))
        begin = max(end, last_at + step)
        yield from _again(last, range(last_at + step, end, step))
        yield from _again(last, range(begin, begin + _PADS * step, step))


def _again(frame: VideoFrame, times: Iterable[int]) -> Iterator[VideoFrame]:
    for at in times:
        frame.pts = at
        yield frame


def _numbered(frames: Iterator[VideoFrame], count: int, per_second: int) -> Iterator[VideoFrame]:
    """Yield exactly so many frames, numbered; the last is repeated where some are missing."""
    number, last = 0, None
    for frame in frames:
        if number == count:
            return
        last = frame
        yield _at(frame, number, per_second)
        number += 1
    while last is not None and number < count:
        yield _at(last, number, per_second)
        number += 1


def _at(frame: VideoFrame, number: int, per_second: int) -> VideoFrame:
    frame.pts, frame.duration, frame.time_base = number, 1, Fraction(1, per_second)
    return frame
