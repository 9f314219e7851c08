"""What enhancement is asked for: the parameters of the enhance models and what they do here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.engines.sketch.asked import is_number
from ringback.engines.sketch.enhance.described import Treatment

MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_CREATIVITY_MAX = {"topaz/bloom-enhance": 9}
_FACTOR_MAX = 32.0

# How much more or less each model does of what is asked for: denoise, deblock, detail, sharpen.
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


def size_of(asked: Mapping[str, Any]) -> tuple[int, int]:
    """Return the asked width and height."""
    width, height = (
        max(1, round(float(asked[name]))) if is_number(asked.get(name)) else 0
        for name in ("width", "height")
    )
    return width or height or 1024, height or width or 1024


def factor_of(asked: Mapping[str, Any]) -> float | None:
    """Return how many times as large each side becomes, if that is what is asked for."""
    factor = asked.get("image_scaling_factor")
    if asked.get("upscaling_activated") is not True or not is_number(factor):
        return None
    return min(_FACTOR_MAX, max(1.0, float(factor)))


def format_of(asked: Mapping[str, Any]) -> str:
    """Return the asked format, one of ``MEDIA_TYPES``."""
    value = str(asked.get("output_format") or "jpg")
    return value if value in MEDIA_TYPES else "jpg"


def treatment_of(asked: Mapping[str, Any], *, model: str) -> Treatment:
    """Return what is done to the picture."""
    more = _MODELS.get(str(asked.get("model")), (1.0, 1.0, 1.0, 1.0))
    steps = _CREATIVITY_MAX.get(model, 6) - 1
    creativity = (_number(asked, "creativity", 1.0) - 1) / steps
    denoise, deblock, detail, sharpen = (
        min(1.0, max(0.0, _number(asked, name, otherwise) * factor))
        for (name, otherwise), factor in zip(
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
        texture=max(0.0, (_number(asked, "texture", 1.0) - 1) / 4),
        vivid=0.0 if asked.get("color_preservation") is True else 0.5 * creativity,
        strength=min(1.0, max(0.01, _strength(asked))),
        where=str(asked.get("subject_detection") or "All"),
    )


def _strength(asked: Mapping[str, Any]) -> float:
    # Its middle, which is the default, is the whole treatment at its usual measure.
    return min(1.0, 2 * _number(asked, "strength", 0.5))


def _number(asked: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = asked.get(name)
    return float(value) if is_number(value) else otherwise
