"""The enhancement of a clip as the server sends it to its process; no numerical libraries."""

from __future__ import annotations

from msgspec import Struct


class FrameTreatment(Struct, frozen=True, kw_only=True):
    """The filters of every frame, beside enlarging; each strength is from 0 to 1."""

    deinterlace: bool = False
    deblock: float = 0.0
    denoise: float = 0.0
    blur: float = 0.0
    detail: float = 0.0  # local contrast
    sharpen: float = 0.0
    grain: float = 0.0  # its deviation, as a share of white
    grain_size: float = 1.0  # in pixels


class FrameRate(Struct, frozen=True, kw_only=True):
    """The frame rate to reach, and how."""

    per_second: int
    slowdown: int = 1  # how many times longer the clip plays
    is_compensated: bool = True  # follow the motion; otherwise blend
    repeat_below: float | None = None  # the difference below which a frame repeats another


class VideoEnhancement(Struct, frozen=True, kw_only=True):
    """The enhancement to make, with the paths of its input and outputs."""

    video: str
    out: str
    still: str  # a JPEG of the result, for pages
    model: str
    encoding: str
    width: int | None = None
    height: int | None = None
    factor: float | None = None  # of each side, exactly; overrides width and height
    usual_factor: float = 2.0  # without a requested size, as far as the limits allow
    crops: bool = False
    treatment: FrameTreatment = FrameTreatment()
    rate: FrameRate | None = None  # None: as the input's
