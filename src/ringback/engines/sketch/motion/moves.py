"""Chooses the camera's move: by the request's camera fields, by the prompt, or by the seed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ringback.engines.sketch.motion.camera import Move
from ringback.engines.sketch.parameters import is_number

_STRONGEST = 10.0
_READ_CHARACTERS_MAX = 4_000

# Kling's conventions: its pan rotates up and down, its tilt left and right, and a positive zoom
# widens the view.
_SIMPLE = {
    "horizontal": Move(truck=1),
    "vertical": Move(pedestal=1),
    "pan": Move(tilt=1),
    "tilt": Move(pan=1),
    "roll": Move(roll=1),
    "zoom": Move(zoom=-1),
}
_PRESETS = {
    "down_back": Move(pedestal=-0.8, dolly=-0.8),
    "forward_up": Move(dolly=0.8, tilt=0.7),
    "right_turn_forward": Move(pan=0.8, dolly=0.7),
    "left_turn_forward": Move(pan=-0.8, dolly=0.7),
}
_PHRASED = {
    "truck left": Move(truck=-0.9),
    "truck right": Move(truck=0.9),
    "pan left": Move(pan=-0.9),
    "pan right": Move(pan=0.9),
    "pans left": Move(pan=-0.9),
    "pans right": Move(pan=0.9),
    "push in": Move(dolly=0.9, zoom=0.2),
    "dolly in": Move(dolly=0.9, zoom=0.2),
    "pull out": Move(dolly=-0.9, zoom=-0.2),
    "pull back": Move(dolly=-0.9, zoom=-0.2),
    "dolly out": Move(dolly=-0.9, zoom=-0.2),
    "pedestal up": Move(pedestal=0.9),
    "pedestal down": Move(pedestal=-0.9),
    "dolly left": Move(truck=-0.9),
    "dolly right": Move(truck=0.9),
    "jib up": Move(pedestal=0.9),
    "jib down": Move(pedestal=-0.9),
    "crane up": Move(pedestal=0.8, dolly=-0.3),
    "crane down": Move(pedestal=-0.8, dolly=0.3),
    "tilt up": Move(tilt=0.9),
    "tilt down": Move(tilt=-0.9),
    "zoom in": Move(zoom=0.9),
    "zooms in": Move(zoom=0.9),
    "zoom out": Move(zoom=-0.9),
    "zooms out": Move(zoom=-0.9),
    "shake": Move(shake=1.0),
    "handheld": Move(shake=0.6, truck=0.2),
    "tracking shot": Move(truck=0.9, dolly=0.2),
    "orbit": Move(pan=0.5, truck=-0.6),
    "static shot": Move(),
    "static camera": Move(),
}
_STILL = {"static shot", "static camera"}
_STEEPEST_DEGREES = 90.0
_PHRASES = re.compile(
    r"\b(" + "|".join(sorted((re.escape(one) for one in _PHRASED), key=len, reverse=True)) + r")\b"
)


def move_of(inputs: Mapping[str, Any], prompt: str, *, chance: int) -> Move:
    """Return the move of a shot; by default a gentle one."""
    control = inputs.get("camera_control")
    if isinstance(control, Mapping):
        return _controlled(control)
    phrases = (
        " ".join(one for one in control if isinstance(one, str))
        if isinstance(control, list | tuple)
        else ""
    )
    motion = str(inputs.get("camera_motion") or "").replace("_", " ")
    if motion in ("static", "focus shift"):
        return Move()
    if (path := _points(inputs.get("camera_trajectory"))) is not None:
        return path
    described = _described(f"{phrases} {motion}. {prompt[:_READ_CHARACTERS_MAX]}")
    if described is not None:
        return described
    side = 1 if chance % 2 else -1
    return Move(truck=0.45 * side, dolly=0.3)


def _points(trajectory: object) -> Move | None:
    """Return the move from the first to the last point around the subject, or None without both."""
    listed = trajectory if isinstance(trajectory, list | tuple) else ()
    points = [one for one in listed if isinstance(one, Mapping)]
    if len(points) < 2:
        return None
    first = min(points, key=lambda point: _number(point, "time"))
    last = max(points, key=lambda point: _number(point, "time"))
    around, up = (
        (_number(last, name) - _number(first, name)) / _STEEPEST_DEGREES
        for name in ("azimuth", "elevation")
    )
    near = 1 - _number(last, "distance") / max(1e-9, _number(first, "distance"))
    # The camera that goes around to the right looks to the left, so that the subject stays.
    return Move(truck=around, pan=-0.5 * around, pedestal=up, dolly=near).within()


def _number(values: Mapping[str, Any], name: str) -> float:
    value = values.get(name)
    return float(value) if is_number(value) else 0.0


def _controlled(control: Mapping[str, Any]) -> Move:
    preset = _PRESETS.get(str(control.get("type")))
    if preset is not None:
        return preset
    config = control.get("config")
    move = Move()
    for name, part in _SIMPLE.items():
        value = config.get(name) if isinstance(config, Mapping) else None
        if is_number(value):
            move = move + part.times(max(-1.0, min(1.0, float(value) / _STRONGEST)))
    return move


def _described(text: str) -> Move | None:
    found = _PHRASES.findall(" ".join(text.casefold().replace("-", " ").split()))
    if not found:
        return None
    if _STILL.intersection(found):
        return Move()
    move = Move()
    for phrase in dict.fromkeys(found):
        move = move + _PHRASED[phrase]
    return move.within()
