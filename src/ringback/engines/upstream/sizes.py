"""Chooses the provider's size nearest to the requested one. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from ringback.errors import SetupError

Size = tuple[int, int]

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_RATIO = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?):([0-9]{1,4}(?:\.[0-9]{1,4})?)")
_PIXELS = {"1K": 1024**2, "2K": 2048**2, "4K": 4096**2}


def read_size(text: str) -> Size:
    """Return the size in a text like ``1024x1536``, or raise ``SetupError``."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise SetupError(f"{text!r} is not a size; write it like 1024x1536.")
    return int(match[1]), int(match[2])


def requested_size(parameters: Mapping[str, Any]) -> Size | None:
    """Return the size that a job's input requests, by width and height or by aspect ratio.

    A ratio has the pixels of the resolution (``1K``, ``2K``, ``4K``), or else of ``1K``.
    """
    width, height = parameters.get("width"), parameters.get("height")
    if _is_length(width) and _is_length(height):
        return round(width), round(height)
    ratio = parameters.get("aspect_ratio")
    match = _RATIO.fullmatch(ratio) if isinstance(ratio, str) else None
    if match is None or not float(match[1]) or not float(match[2]):
        return None
    aspect = float(match[1]) / float(match[2])
    pixels = _PIXELS.get(str(parameters.get("resolution")).upper(), _PIXELS["1K"])
    return round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))


def nearest(size: Size, sizes: Sequence[Size]) -> Size:
    """Return the size with the nearest aspect ratio, and of those the nearest area."""

    def distance(other: Size) -> tuple[float, float]:
        shape = abs(math.log((other[0] / other[1]) / (size[0] / size[1])))
        area = abs(math.log((other[0] * other[1]) / (size[0] * size[1])))
        return round(shape, 6), area

    return min(sizes, key=distance)


def _is_length(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 65_536
