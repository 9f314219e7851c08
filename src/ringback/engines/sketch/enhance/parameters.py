"""Reads the parameters of the enhance models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.engines.sketch.enhance.enhancement import Treatment
from ringback.engines.sketch.parameters import is_number

MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_FACTOR_MAX = 32.0
_FACTOR_MIN = 0.1

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
    "Standard MAX": (1.0, 1.0, 1.2, 1.2),
    "Recover 3": (1.4, 1.5, 1.0, 1.1),
    "Wonder 3": (1.2, 1.2, 1.3, 1.0),
    "Detail": (0.8, 1.0, 1.5, 1.2),
    "Upscale High Fidelity V3": (0.5, 0.7, 0.8, 0.7),
}
_KREA = (
    ("creativity", "ai_strength", 0.1, 1),
    ("detail", "clarity_strength", 1, 12),
    ("sharpen", "sharpness", 0.1, 1.5),
)
# The names that other models have for our strengths, each with the values that mean 0 and 1.
_SCALES: dict[str, tuple[tuple[str, str, float, float], ...]] = {
    "topaz/bloom-enhance": (("creativity", "creativity", 1, 9),),
    "topaz/bloom-2-enhance": (
        ("creativity", "creativity", 1, 9),
        ("texture", "grain_strength", 0, 1),
    ),
    "topaz/wonder-35-enhance": (("texture", "grain_strength", 0, 1),),
    "magnific/creative-enhance": (
        ("creativity", "creativity", 0, 10),
        ("detail", "fractality", -10, 10),
    ),
    "magnific/precise-enhance": (
        ("sharpen", "sharpen", 0, 100),
        ("detail", "ultra_detail", 0, 100),
        ("texture", "smart_grain", 0, 100),
    ),
    "krea/enhance": _KREA,
    "krea/legacy-enhance": _KREA,
}
_USUAL = (("creativity", "creativity", 1, 6), ("texture", "texture", 1, 5))
_EFFORTS = {"low": 0.2, "medium": 0.35, "high": 0.5}


def size_of(inputs: Mapping[str, Any]) -> tuple[int, int]:
    """Return the requested width and height."""
    width, height = (
        max(1, round(float(inputs[name]))) if is_number(inputs.get(name)) else 0
        for name in ("width", "height")
    )
    return width or height or 1024, height or width or 1024


def factor_of(inputs: Mapping[str, Any]) -> float | None:
    """Return the requested factor of each side, or None if the request has none.

    A model that takes no size has nothing but its factor.
    """
    factor = inputs.get("image_scaling_factor")
    has_size = "width" in inputs or "height" in inputs
    if not is_number(factor) or not inputs.get("upscaling_activated", not has_size):
        return None
    return min(_FACTOR_MAX, max(_FACTOR_MIN, float(factor)))


def format_of(inputs: Mapping[str, Any]) -> str:
    """Return the requested format, one of ``MEDIA_TYPES``."""
    value = str(inputs.get("output_format") or "jpg")
    return value if value in MEDIA_TYPES else "jpg"


def treatment_of(inputs: Mapping[str, Any], *, model: str) -> Treatment:
    """Return the treatment of the image."""
    more = _MODELS.get(str(inputs.get("model")), (1.0, 1.0, 1.0, 1.0))
    strengths = _strengths_of(inputs, model)
    creativity = strengths["creativity"]
    denoise, deblock, detail, sharpen = (
        _share(strengths[name] * factor)
        for name, factor in zip(
            ("denoise", "fix_compression", "detail", "sharpen"), more, strict=True
        )
    )
    has_grain = inputs.get("grain", True) is True
    return Treatment(
        denoise=denoise,
        deblock=deblock,
        detail=_share(detail + 0.4 * creativity),
        sharpen=sharpen,
        texture=strengths["texture"] if has_grain else 0.0,
        vivid=0.0 if inputs.get("color_preservation") is True else 0.5 * creativity,
        strength=min(1.0, max(0.01, _strength(inputs))),
        where=str(inputs.get("subject_detection") or "All"),
    )


def _strengths_of(inputs: Mapping[str, Any], model: str) -> dict[str, float]:
    """Return the requested strengths from 0 to 1, under our names."""
    usual = (("denoise", 0.3), ("fix_compression", 0.4), ("detail", 0.2), ("sharpen", 0.4))
    strengths = {name: _number(inputs, name, default) for name, default in usual}
    strengths |= {"creativity": 0.0, "texture": 0.0}
    for name, theirs, least, most in _SCALES.get(model, _USUAL):
        if is_number(value := inputs.get(theirs)):
            strengths[name] = _share((float(value) - least) / (most - least))
    return strengths


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _strength(inputs: Mapping[str, Any]) -> float:
    # The middle of the range, which is the default, is the full treatment.
    effort = _EFFORTS.get(str(inputs.get("enhancement_strength")), 0.5)
    return min(1.0, 2 * _number(inputs, "strength", effort))


def _number(inputs: Mapping[str, Any], name: str, default: float) -> float:
    value = inputs.get(name)
    return float(value) if is_number(value) else default
