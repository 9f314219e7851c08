"""Reads the size and the number of images from a request, under the names of each model."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from typing import Any, TypeGuard

PIXELS_MAX = 16_000_000
COUNT_MAX = 8
SIDE_MIN = 16
SIDE_MAX = 32_000
_SIDE = 1024
_RATIO = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*[:x×/]\s*(\d{1,4}(?:\.\d{1,3})?)")
_PIXELS = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})")
_LONGER_SIDE = {
    "512": 512,
    "0.5K": 512,
    "1K": 1024,
    "1.5K": 1536,
    "2K": 2048,
    "3K": 3072,
    "4K": 4096,
}
_NAMED_RATIO = {"square": 1.0, "landscape": 16 / 9, "portrait": 9 / 16}
_COUNTS = ("num_images", "batch_size", "n", "count", "number_of_images")


def size_of(inputs: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height in pixels, within ``PIXELS_MAX``."""
    width, height = inputs.get("width"), inputs.get("height")
    if is_number(width) and is_number(height):
        return _within(float(width), float(height))
    if is_number(width):
        return _within(float(width), float(width) / _ratio(inputs))
    if is_number(height):
        return _within(float(height) * _ratio(inputs), float(height))
    for name in ("size", "image_size", "resolution"):
        value = inputs.get(name)
        if isinstance(value, str) and (match := _PIXELS.fullmatch(value)):
            return _within(float(match[1]), float(match[2]))
    longer = _longer_side(inputs)
    ratio = _ratio(inputs)
    return _within(longer * min(1.0, ratio), longer * min(1.0, 1 / ratio))


def count_of(inputs: Mapping[str, Any]) -> int:
    """Return the requested number of images, at most ``COUNT_MAX``."""
    for name in _COUNTS:
        value = inputs.get(name)
        if is_number(value):
            return max(1, min(COUNT_MAX, int(value)))
    return 1


def _longer_side(inputs: Mapping[str, Any]) -> float:
    for name in ("resolution", "image_size", "size"):
        value = inputs.get(name)
        if isinstance(value, str) and value.upper() in _LONGER_SIDE:
            return _LONGER_SIDE[value.upper()]
    # About as many pixels as a square of the default side, at any ratio.
    ratio = _ratio(inputs)
    return _SIDE * math.sqrt(max(ratio, 1 / ratio))


def _ratio(inputs: Mapping[str, Any]) -> float:
    for name in ("aspect_ratio", "ratio", "size", "image_size", "resolution"):
        value = inputs.get(name)
        if not isinstance(value, str):
            continue
        if value.casefold() in _NAMED_RATIO:
            return _NAMED_RATIO[value.casefold()]
        match = _RATIO.fullmatch(value)
        if match and float(match[1]) > 0 and float(match[2]) > 0:
            return min(8.0, max(1 / 8, float(match[1]) / float(match[2])))
    return 1.0


def _within(width: float, height: float) -> tuple[int, int]:
    # Some models have no maximum: sides are limited first, or a thin image could have any length.
    width = min(float(SIDE_MAX), max(float(SIDE_MIN), width))
    height = min(float(SIDE_MAX), max(float(SIDE_MIN), height))
    scale = min(1.0, math.sqrt(PIXELS_MAX / (width * height)))
    width, height = max(SIDE_MIN, round(width * scale)), max(SIDE_MIN, round(height * scale))
    return min(width, PIXELS_MAX // height), height


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a finite number that fits a float."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        # Compared, because an integer may be too large for a float; NaN fails both comparisons.
        and -sys.float_info.max <= value <= sys.float_info.max
    )
