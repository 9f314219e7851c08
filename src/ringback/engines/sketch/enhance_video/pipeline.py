"""Enhances one clip frame by frame: restore, interpolate, enlarge, finish. In its own process."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import msgspec
from av import VideoFrame
from PIL import Image

from ringback.engines.sketch.enhance.tiles import Plan, plan_of
from ringback.engines.sketch.enhance_video import rates
from ringback.engines.sketch.enhance_video.chain import enlarging, finishing, restoring, turning
from ringback.engines.sketch.enhance_video.colours import Colours, hdr_colours
from ringback.engines.sketch.enhance_video.encodings import Encoding, writable
from ringback.engines.sketch.enhance_video.filtering import Filter, FilterChain
from ringback.engines.sketch.enhance_video.grain import Grain
from ringback.engines.sketch.enhance_video.hdr import grading
from ringback.engines.sketch.enhance_video.sizes import can_follow_motion, check_input, size_of
from ringback.engines.sketch.enhance_video.source import Source
from ringback.engines.sketch.enhance_video.spec import FrameRate, VideoEnhancement
from ringback.engines.sketch.enhance_video.writer import write
from ringback.engines.sketch.motion.audio_input import decode_audio
from ringback.engines.sketch.motion.footage import check_cost, span_of
from ringback.engines.sketch.motion.sound import Wave
from ringback.engines.sketch.subprocess_task import ProgressReporter

_PREVIEW_SIDE = 640
_PREVIEWS = 4
_TELL_EVERY = 4  # frames
_STILL_AT = 0.25  # of the clip: its first frame is often black


def enhance_video(enhancement: VideoEnhancement, reporter: ProgressReporter) -> None:
    """Write the enhanced clip to its output path, or raise ``EngineError``."""
    encoding = writable(enhancement.encoding)
    path = Path(enhancement.video)
    span = span_of(path)
    check_input(span)
    check_cost(path, seconds=span.seconds)
    source = Source(path, span, pix_fmt=encoding.pix_fmt)
    rate = enhancement.rate
    count = rates.frames_of(source, rate, span.frames)
    size = size_of(enhancement, source.shown, frames=count)
    if rate is not None and not can_follow_motion(source.size, size, frames=count):
        rate = msgspec.structs.replace(rate, is_compensated=False)
    plan = plan_of(source.shown, size, factor=None, crops=enhancement.crops)
    work = _Work(enhancement, source, plan, encoding, rate)
    frames = _with_progress(work.frames(count), count, reporter, still=Path(enhancement.still))
    write(
        Path(enhancement.out),
        work.finished(frames),
        encoding,
        size=size,
        rate=source.rate if rate is None else Fraction(rate.per_second),
        time_base=source.time_base if rate is None else Fraction(1, rate.per_second),
        colours=work.colours,
        sound=_sound(enhancement, source),
        metadata={"comment": f"Made by Ringback's sketch engine for {enhancement.model}"},
    )


class _Work:
    """The steps of one clip; each takes frames and yields frames."""

    def __init__(
        self,
        enhancement: VideoEnhancement,
        source: Source,
        plan: Plan,
        encoding: Encoding,
        rate: FrameRate | None,
    ) -> None:
        self._enhancement = enhancement
        self._rate = rate
        self._source = source
        self._plan = plan
        self._encoding = encoding
        # A clip that has a high dynamic range already keeps its own.
        self._hdr = None if source.colours.is_hdr else encoding.hdr
        self.colours: Colours = source.colours if self._hdr is None else hdr_colours(self._hdr)

    def frames(self, count: int) -> Iterator[VideoFrame]:
        """Yield the frames at the size of the result, without a high dynamic range."""
        source, rate, treatment = self._source, self._rate, self._enhancement.treatment
        frames = self._filtered(source.frames(), list(restoring(treatment)), source.size)
        if rate is not None:
            pix_fmt = self._encoding.pix_fmt
            frames = rates.constant(source, frames, rate, count=count, pix_fmt=pix_fmt)
        turns = turning(source.orientation)
        turned = source.size[::-1] if source.is_turned else source.size
        larger = [*turns, *enlarging(self._plan, shown=source.shown, turned=turned)]
        return self._filtered(frames, [*larger, *finishing(treatment)], source.size)

    def finished(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Yield the frames with their grain, in the colours of the result."""
        treatment, size = self._enhancement.treatment, self._plan.size
        if treatment.grain > 0:
            bits = self._encoding.bits
            grain = Grain(treatment.grain, treatment.grain_size, size=size, bits=bits)
            frames = map(grain.added, frames)
        if self._hdr is None:
            return frames
        table = Path(self._enhancement.out).with_suffix(".cube")
        return self._filtered(frames, grading(self._hdr, table), size)

    def _filtered(
        self, frames: Iterator[VideoFrame], filters: list[Filter], size: tuple[int, int]
    ) -> Iterator[VideoFrame]:
        if not filters:
            return frames
        chain = FilterChain(
            filters,
            size=size,
            pix_fmt=self._encoding.pix_fmt,
            time_base=self._source.time_base,
        )
        return rates.own_times(frames, chain.run)


def _sound(enhancement: VideoEnhancement, source: Source) -> Wave | None:
    """Return the input's sound; a clip in slow motion has none."""
    if enhancement.rate is not None and enhancement.rate.slowdown > 1:
        return None
    return decode_audio(Path(enhancement.video), seconds=source.seconds)


def _with_progress(
    frames: Iterator[VideoFrame], count: int, reporter: ProgressReporter, *, still: Path
) -> Iterator[VideoFrame]:
    """Yield the frames, reporting the progress and some previews, and keeping a still."""
    for number, frame in enumerate(frames):
        if number % max(1, count // _PREVIEWS) == 0:
            reporter.preview(_jpeg(frame))
        if number in (0, int(count * _STILL_AT)):
            still.write_bytes(_jpeg(frame))
        if number % _TELL_EVERY == 0:
            reporter.progress(number / count)
        yield frame


def _jpeg(frame: VideoFrame) -> bytes:
    small = Image.fromarray(frame.to_ndarray(format="rgb24"))
    small.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    output = BytesIO()
    small.save(output, "JPEG", quality=82)
    return output.getvalue()
