"""The camera: its pose at each moment, and the visible part of a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

MARGIN_X = 0.12
"""The margin of a layer beyond the view on either side, as a fraction of the view's width."""
MARGIN_Y = 0.10
_TRAVEL_X = 0.20  # of the width, over a shot with a move of full strength
_TRAVEL_Y = 0.16
_ZOOM = 1.4
_DOLLY = 1.3
_WIDEST = 1 / (1 + 2 * MARGIN_Y)
_ROLL_DEGREES = 9.0
_SHAKE = 0.008

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The movement of a camera during a shot; each part is from -1 to 1."""

    truck: float = 0.0  # moves to the right
    pedestal: float = 0.0  # moves up
    dolly: float = 0.0  # moves forward
    pan: float = 0.0  # rotates to the right
    tilt: float = 0.0  # rotates up
    zoom: float = 0.0  # magnifies
    roll: float = 0.0  # rotates clockwise about its axis
    shake: float = 0.0  # is hand-held

    def __add__(self, other: Move) -> Move:
        """Return the sum of both moves."""
        return Move(**{part: getattr(self, part) + getattr(other, part) for part in _PARTS})

    def times(self, strength: float) -> Move:
        """Return the move scaled by a factor, which may be negative."""
        return Move(**{part: getattr(self, part) * strength for part in _PARTS})

    def within(self) -> Move:
        """Return the move with all parts within their range."""
        return Move(**{part: min(1.0, max(-1.0, getattr(self, part))) for part in _PARTS})


_PARTS = tuple(field.name for field in fields(Move))


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The path of a camera: its move, and the progress of it at the first and the last frame."""

    move: Move
    first: float = -0.5
    last: float = 0.5
    returns: bool = False

    def at(self, share: float, *, seconds: float = 0.0) -> Pose:
        """Return the pose at that fraction of the shot."""
        if self.returns:
            way = math.sin(2 * math.pi * share) / 2
        else:
            # Half linear, half eased: it neither jerks nor stops at the ends.
            eased = share * share * (3 - 2 * share)
            way = self.first + (self.last - self.first) * (share + eased) / 2
        return Pose(move=self.move, way=way, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """The pose of a camera at one moment."""

    move: Move
    way: float  # progress of the move, 0 in its middle or at rest
    seconds: float = 0.0

    def box(self, size: tuple[int, int], view: tuple[int, int], *, depth: float) -> Box:
        """Return the visible part of a layer; depth is 0 for the farthest, 1 for the nearest."""
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
        """The magnification compared with the pose at rest, at any depth."""
        return max(_WIDEST, math.pow(_ZOOM, self.move.zoom * self.way))

    @property
    def degrees(self) -> float:
        """The rotation of the view, clockwise."""
        return _ROLL_DEGREES * self.move.roll * self.way * 2


def room_for(degrees: float, view: tuple[int, int]) -> float:
    """Return the magnification that hides the corners of a rotated view."""
    angle = math.radians(abs(degrees))
    ratio = max(view[0] / view[1], view[1] / view[0])
    return math.cos(angle) + math.sin(angle) * ratio


def _tremor(seconds: float, phase: float) -> float:
    return (
        math.sin(seconds * 5.3 + phase)
        + 0.6 * math.sin(seconds * 9.1 + 1.7 * phase)
        + 0.4 * math.sin(seconds * 14.7 + 2.3 * phase)
    ) / 2
