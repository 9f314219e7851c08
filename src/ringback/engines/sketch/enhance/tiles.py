"""Tiles: the part of the source image for each part of the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TILE = 512
_SAME_SHAPE = 0.01  # a smaller difference in ratio is stretched invisibly

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The position of the image in the result, and its visible part."""

    size: tuple[int, int]  # of the result
    inner: tuple[int, int, int, int]  # the image's box in it: left, top, right, bottom
    seen: Box  # the visible part of the image

    @property
    def scale(self) -> tuple[float, float]:
        """The factor of enlargement, across and down."""
        left, top, right, bottom = self.inner
        return (
            (right - left) / (self.seen[2] - self.seen[0]),
            (bottom - top) / (self.seen[3] - self.seen[1]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One part of the result, with a rim as far as the image reaches."""

    inside: tuple[int, int, int, int]  # in the result
    rimmed: tuple[int, int, int, int]


def plan_of(
    picture: tuple[int, int], target: tuple[int, int], *, factor: float | None, crops: bool
) -> Plan:
    """Return the position of the image in the result."""
    width, height = picture
    if factor is not None:
        target = max(1, round(width * factor)), max(1, round(height * factor))
    whole = (0.0, 0.0, float(width), float(height))
    ratio, own = target[0] / target[1], width / height
    if abs(ratio / own - 1) < _SAME_SHAPE:
        return Plan(size=target, inner=(0, 0, *target), seen=whole)
    if crops:
        wide, high = (height * ratio, height) if own > ratio else (width, width / ratio)
        left, top = (width - wide) / 2, (height - high) / 2
        return Plan(size=target, inner=(0, 0, *target), seen=(left, top, left + wide, top + high))
    scale = min(target[0] / width, target[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (target[0] - inner[0]) // 2, (target[1] - inner[1]) // 2
    return Plan(size=target, inner=(x, y, x + inner[0], y + inner[1]), seen=whole)


def tiles_of(plan: Plan, *, rim: int, side: int) -> Iterator[Tile]:
    """Yield the tiles of the image's box in the result."""
    left, top, right, bottom = plan.inner
    for y in range(top, bottom, side):
        for x in range(left, right, side):
            end_x, end_y = min(right, x + side), min(bottom, y + side)
            yield Tile(
                inside=(x, y, end_x, end_y),
                rimmed=(
                    max(left, x - rim),
                    max(top, y - rim),
                    min(right, end_x + rim),
                    min(bottom, end_y + rim),
                ),
            )


def source_of(plan: Plan, box: tuple[int, int, int, int]) -> Box:
    """Return the part of the image that a part of the result shows."""
    across, down = plan.scale
    return (
        plan.seen[0] + (box[0] - plan.inner[0]) / across,
        plan.seen[1] + (box[1] - plan.inner[1]) / down,
        plan.seen[0] + (box[2] - plan.inner[0]) / across,
        plan.seen[1] + (box[3] - plan.inner[1]) / down,
    )
