"""The enhancement that the server sends to its process; imports no numerical libraries."""

from __future__ import annotations

from msgspec import Struct


class Treatment(Struct, frozen=True, kw_only=True):
    """The filters of an image, beside enlarging; each strength is from 0 to 1."""

    denoise: float = 0.0
    deblock: float = 0.0  # removes block artifacts of JPEG
    detail: float = 0.0  # local contrast
    sharpen: float = 0.0
    texture: float = 0.0  # fine grain
    vivid: float = 0.0  # more colour
    strength: float = 1.0  # the share of the treated image in the result
    where: str = "All"  # or Foreground, or Background


class Enhancement(Struct, frozen=True, kw_only=True):
    """The enhancement to make, with the paths of its input and output."""

    picture: str
    out: str
    width: int
    height: int
    factor: float | None = None  # overrides width and height
    crops: bool = False  # crop to fill the size; otherwise leave a border
    format: str = "jpg"
    seed: int = 0
    treatment: Treatment = Treatment()
    weights: str | None = None  # of an upscaling network
