"""The clip as the server describes it to the process that makes it; needs no arithmetic."""

from __future__ import annotations

from msgspec import Struct

from ringback.engines.sketch.motion.camera import Move


class Shown(Struct, frozen=True, kw_only=True):
    """One shot: its prompt, for how many frames, and how the camera moves."""

    prompt: str
    frames: int
    move: Move


class Clip(Struct, frozen=True, kw_only=True):
    """The clip that is to be made, and where the files lie that it is made from."""

    out: str
    prompt: str
    model: str
    seed: int
    width: int
    height: int
    rate: int
    shots: tuple[Shown, ...]
    loops: bool = False
    has_sound: bool = False
    has_duration: bool = True  # or else an edited video's own
    start_image: str | None = None
    end_image: str | None = None
    start_video: str | None = None
    end_video: str | None = None
    edited: str | None = None
    sound: str | None = None
    references: tuple[str, ...] = ()
    trained: tuple[tuple[bytes, float], ...] = ()  # what was learned of styles
