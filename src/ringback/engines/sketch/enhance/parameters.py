"""Reads the parameters of the enhance models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.engines.sketch.enhance.enhancement import Treatment
from ringback.engines.sketch.parameters import is_number

MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_CREATIVITY_MAX = {"topaz/bloom-enhance": 9}
_FACTOR_MAX = 32.0

# Each model's factors of the requested denoise, deblock, detail and sharpen.
_MODELS = {
    "Standard V2": (1.0, 1.0, 1.0, 1.0),
    "Low Resolution V2": (1.3, 1.5, 1.0, 1.3),
    "CGI": (0.5, 1.0, 0.6, 1.4),
    "High Fidelity V2": (0.5, 0.7, 0.7, 0.7),
    "Text Refine": (1.2, 1.2, 1.5, 1.7),
    "Redefine": (1.0, 1.0, 1.2, 1.0),
    "Recovery": (1.5, 1.5, 0.8, 1.0),
    "Recovery V2": (1.3, 1.5, 1.0, 1.2),
    "Reimagine": (1.0, 1.0, 1.4, 1.0),
}


def size_of(inputs: Mapping[str, Any]) -> tuple[int, int]:
    """Return the requested width and height."""
    width, height = (
        max(1, round(float(inputs[name]))) if is_number(inputs.get(name)) else 0
        for name in ("width", "height")
    )
    return width or height or 1024, height or width or 1024


def factor_of(inputs: Mapping[str, Any]) -> float | None:
    """Return the requested factor of each side, or None if the request has none."""
    factor = inputs.get("image_scaling_factor")
    if inputs.get("upscaling_activated") is not True or not is_number(factor):
        return None
    return min(_FACTOR_MAX, max(1.0, float(factor)))


def format_of(inputs: Mapping[str, Any]) -> str:
    """Return the requested format, one of ``MEDIA_TYPES``."""
    value = str(inputs.get("output_format") or "jpg")
    return value if value in MEDIA_TYPES else "jpg"


def treatment_of(inputs: Mapping[str, Any], *, model: str) -> Treatment:
    """Return the treatment of the image."""
    more = _MODELS.get(str(inputs.get("model")), (1.0, 1.0, 1.0, 1.0))
    steps = _CREATIVITY_MAX.get(model, 6) - 1
    creativity = (_number(inputs, "creativity", 1.0) - 1) / steps
    denoise, deblock, detail, sharpen = (
        min(1.0, max(0.0, _number(inputs, name, default) * factor))
        for (name, default), factor in zip(
            (("denoise", 0.3), ("fix_compression", 0.4), ("detail", 0.2), ("sharpen", 0.4)),
            more,
            strict=True,
        )
    )
    return Treatment(
        denoise=denoise,
        deblock=deblock,
        detail=min(1.0, detail + 0.4 * creativity),
        sharpen=sharpen,
        texture=max(0.0, (_number(inputs, "texture", 1.0) - 1) / 4),
        vivid=0.0 if inputs.get("color_preservation") is True else 0.5 * creativity,
        strength=min(1.0, max(0.01, _strength(inputs))),
        where=str(inputs.get("subject_detection") or "All"),
    )


def _strength(inputs: Mapping[str, Any]) -> float:
    # The middle of the range, which is the default, is the full treatment.
    return min(1.0, 2 * _number(inputs, "strength", 0.5))


def _number(inputs: Mapping[str, Any], name: str, default: float) -> float:
    value = inputs.get(name)
    return float(value) if is_number(value) else default
