"""The recording that the drawing process makes, as data."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Sort = Literal["speech", "music", "scene"]


class Recording(Struct, frozen=True, kw_only=True):
    """One sound to make, and where to write it."""

    sort: Sort
    text: str  # to speak, or that describes the sound
    prompt: str
    model: str
    seed: int
    seconds: float  # of music and scenes; a speech is as long as its text
    has_voice: bool  # of music: a melody is hummed
    voice_id: str
    program: str | None  # that speaks, by its path
    out: str
    note: str  # the path of a sentence about the result, where there is one
