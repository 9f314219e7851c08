"""The enhancement as the server describes it to the process that does it; needs no arithmetic."""

from __future__ import annotations

from msgspec import Struct


class Treatment(Struct, frozen=True, kw_only=True):
    """What is done to a picture beside making it larger; each strength is from 0 to 1."""

    denoise: float = 0.0
    deblock: float = 0.0  # takes away what JPEG's blocks left
    detail: float = 0.0  # local contrast
    sharpen: float = 0.0
    texture: float = 0.0  # fine grain
    vivid: float = 0.0  # more colour
    strength: float = 1.0  # how much of the result is the treated picture
    where: str = "All"  # or Foreground, or Background


class Enhancement(Struct, frozen=True, kw_only=True):
    """The picture that is to be made, and where the one lies that it is made from."""

    picture: str
    out: str
    width: int
    height: int
    factor: float | None = None  # counts before width and height
    crops: bool = False  # what does not fit is cut off; else the rest is left as a border
    format: str = "jpg"
    seed: int = 0
    treatment: Treatment = Treatment()
    weights: str | None = None  # of a network that enlarges
