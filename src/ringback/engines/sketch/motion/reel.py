"""Joins the shots of a clip, and closes it to a loop where requested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

_DISSOLVE_S = 0.5
_CLOSES = 0.25  # the end of a loop that dissolves towards its first frame


class Shot(Protocol):
    """A sequence of frames."""

    def frame(self, share: float, seconds: float) -> Image.Image:
        """Return the frame at that fraction of the shot and that many seconds after its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A shot that is created when it is needed, and its frames; only one is in memory at once."""

    make: Callable[[], Shot]
    frames: int


def frames_of(takes: tuple[Take, ...], *, rate: int, loops: bool) -> Iterator[Image.Image]:
    """Yield every frame of the clip."""
    if loops and len(takes) == 1:
        yield from _looped(takes[0], rate)
        return
    before: Image.Image | None = None
    for take in takes:
        shot = take.make()
        dissolve = min(int(_DISSOLVE_S * rate), take.frames // 3) if before is not None else 0
        frame = None
        for number in range(take.frames):
            frame = shot.frame(_share(number, take.frames), number / rate)
            if before is not None and number < dissolve:
                frame = Image.blend(before, frame, _eased((number + 1) / (dissolve + 1)))
            yield frame
        before = frame


def _looped(take: Take, rate: int) -> Iterator[Image.Image]:
    """Yield frames whose last leads to the first."""
    shot = take.make()
    closing = max(1, int(take.frames * _CLOSES))
    for number in range(take.frames):
        share = number / take.frames
        frame = shot.frame(share, number / rate)
        left = take.frames - number
        if left <= closing:
            earlier = shot.frame(-left / take.frames, -left / rate)
            frame = Image.blend(frame, earlier, _eased(1 - left / (closing + 1)))
        yield frame


class Dissolved:
    """Dissolves one shot into another."""

    def __init__(self, first: Shot, second: Shot, *, starts: float, ends: float) -> None:
        self._first, self._second = first, second
        self._starts, self._ends = starts, ends

    def frame(self, share: float, seconds: float) -> Image.Image:
        """Return the frame at that fraction."""
        part = _eased((share - self._starts) / (self._ends - self._starts))
        if part <= 0:
            return self._first.frame(share, seconds)
        if part >= 1:
            return self._second.frame(share, seconds)
        return Image.blend(
            self._first.frame(share, seconds), self._second.frame(share, seconds), part
        )


def _share(number: int, frames: int) -> float:
    return number / (frames - 1) if frames > 1 else 0.0


def _eased(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
