"""The camera: how far it has gone at each moment, and what part of a layer it then sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

MARGIN_X = 0.12
"""Of the view's width, on either side: as far as a layer reaches beyond the view."""
MARGIN_Y = 0.10
_TRAVEL_X = 0.20  # of the width, from the first frame to the last, by a move of full strength
_TRAVEL_Y = 0.16
_ZOOM = 1.4
_DOLLY = 1.3
_WIDEST = 1 / (1 + 2 * MARGIN_Y)
_ROLL_DEGREES = 9.0
_SHAKE = 0.008

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a camera does during a shot; each part is from -1 to 1."""

    truck: float = 0.0  # goes to the right
    pedestal: float = 0.0  # goes up
    dolly: float = 0.0  # goes forward
    pan: float = 0.0  # turns to the right
    tilt: float = 0.0  # turns up
    zoom: float = 0.0  # sees less, larger
    roll: float = 0.0  # turns clockwise about its own axis
    shake: float = 0.0  # is held by a hand

    def __add__(self, other: Move) -> Move:
        """Return both moves at once."""
        return Move(**{part: getattr(self, part) + getattr(other, part) for part in _PARTS})

    def times(self, strength: float) -> Move:
        """Return the move so many times as strong, or the other way."""
        return Move(**{part: getattr(self, part) * strength for part in _PARTS})

    def within(self) -> Move:
        """Return the move with no part stronger than can be."""
        return Move(**{part: min(1.0, max(-1.0, getattr(self, part))) for part in _PARTS})


_PARTS = tuple(field.name for field in fields(Move))


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A camera's way: its move, and how much of it lies behind at the first and the last frame."""

    move: Move
    first: float = -0.5
    last: float = 0.5
    returns: bool = False

    def at(self, share: float, *, seconds: float = 0.0) -> Pose:
        """Return the pose when so much of the shot is over."""
        if self.returns:
            way = math.sin(2 * math.pi * share) / 2
        else:
            # Half of it even, half eased: it neither jerks at the ends nor stands still there.
            eased = share * share * (3 - 2 * share)
            way = self.first + (self.last - self.first) * (share + eased) / 2
        return Pose(move=self.move, way=way, is_still=self.first == 0 == self.last, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """A camera at one moment."""

    move: Move
    way: float  # of the move, 0 in the middle of it or at rest
    is_still: bool = False
    seconds: float = 0.0

    def box(self, size: tuple[int, int], view: tuple[int, int], *, depth: float) -> Box:
        """Return the part of a layer that is seen; depth is 0 for the farthest, 1 for the near."""
        move, way = self.move, self.way
        x = _TRAVEL_X * way * (move.pan + move.truck * (0.12 + 0.88 * depth))
        y = -_TRAVEL_Y * way * (move.tilt + move.pedestal * (0.12 + 0.88 * depth))
        if move.shake:
            x += _SHAKE * move.shake * _tremor(self.seconds, 0.0)
            y += _SHAKE * move.shake * _tremor(self.seconds, 2.1)
        closer = self.closer * _DOLLY ** (move.dolly * way * (0.15 + 0.85 * depth))
        width = min(float(size[0]), view[0] / closer)
        height = min(float(size[1]), view[1] / closer, width * view[1] / view[0])
        width = height * view[0] / view[1]
        left = (size[0] - width) / 2 + x * view[0]
        top = (size[1] - height) / 2 + y * view[1]
        left = min(max(0.0, left), size[0] - width)
        top = min(max(0.0, top), size[1] - height)
        return (left, top, left + width, top + height)

    @property
    def closer(self) -> float:
        """How many times larger everything is seen than at rest, whatever its depth."""
        return max(_WIDEST, math.pow(_ZOOM, self.move.zoom * self.way))

    @property
    def degrees(self) -> float:
        """How far the view is turned, clockwise."""
        return _ROLL_DEGREES * self.move.roll * self.way * 2


def room_for(degrees: float, view: tuple[int, int]) -> float:
    """Return how many times larger a view must be drawn so that no corner shows when it turns."""
    angle = math.radians(abs(degrees))
    ratio = max(view[0] / view[1], view[1] / view[0])
    return math.cos(angle) + math.sin(angle) * ratio


def _tremor(seconds: float, phase: float) -> float:
    return (
        math.sin(seconds * 5.3 + phase)
        + 0.6 * math.sin(seconds * 9.1 + 1.7 * phase)
        + 0.4 * math.sin(seconds * 14.7 + 2.3 * phase)
    ) / 2
