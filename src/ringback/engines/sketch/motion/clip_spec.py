"""The clip that the server sends to its process; imports no numerical libraries."""

from __future__ import annotations

from msgspec import Struct

from ringback.engines.sketch.motion.camera import Move


class ShotSpec(Struct, frozen=True, kw_only=True):
    """One shot: its prompt, its number of frames and the camera's move."""

    prompt: str
    frames: int
    move: Move


class Clip(Struct, frozen=True, kw_only=True):
    """The clip to make, with the paths of its output and inputs."""

    out: str
    prompt: str
    model: str
    seed: int
    width: int
    height: int
    rate: int
    shots: tuple[ShotSpec, ...]
    loops: bool = False
    has_sound: bool = False
    has_duration: bool = True  # otherwise the edited video's duration
    start_image: str | None = None
    end_image: str | None = None
    start_video: str | None = None
    end_video: str | None = None
    edited: str | None = None
    sound: str | None = None
    references: tuple[str, ...] = ()
    trained: tuple[tuple[bytes, float], ...] = ()  # features of styles, with strengths
