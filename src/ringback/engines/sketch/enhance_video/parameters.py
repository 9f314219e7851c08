"""Reads the parameters of the models that enhance clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.engines.sketch.enhance_video.encodings import ENCODINGS
from ringback.engines.sketch.enhance_video.spec import FrameRate, FrameTreatment
from ringback.engines.sketch.inputs import number_of

_USUAL = FrameTreatment(deblock=0.2, denoise=0.2, detail=0.2, sharpen=0.3)
_TREATMENTS = {
    "topaz/starlight-precise": FrameTreatment(deblock=0.3, denoise=0.4, detail=0.1, sharpen=0.2),
    "topaz/starlight-precise-25": FrameTreatment(deblock=0.3, denoise=0.4, detail=0.2, sharpen=0.3),
    "topaz/hyperion": FrameTreatment(deblock=0.2, denoise=0.2, detail=0.1, sharpen=0.2),
    "runway/ruby": FrameTreatment(),
}
# Each model of restoration: how much it deblocks, denoises, brings out detail and sharpens.
_RESTORERS = {
    "aaa": (0.3, 0.3, 0.0, 0.2),
    "ahq": (0.2, 0.2, 0.2, 0.4),
    "alq": (0.6, 0.6, 0.3, 0.4),
    "alqs": (0.6, 0.6, 0.2, 0.2),
    "amq": (0.4, 0.4, 0.3, 0.4),
    "amqs": (0.4, 0.4, 0.2, 0.2),
    "ddv": (0.5, 0.4, 0.2, 0.3),
    "dtd": (0.5, 0.5, 0.2, 0.3),
    "dtds": (0.5, 0.5, 0.2, 0.2),
    "dtv": (0.4, 0.4, 0.2, 0.3),
    "dtvs": (0.4, 0.4, 0.2, 0.2),
    "gcg": (0.1, 0.0, 0.2, 0.6),
    "ghq": (0.1, 0.1, 0.2, 0.5),
    "iris-2": (0.6, 0.6, 0.3, 0.3),
    "iris-3": (0.4, 0.4, 0.3, 0.3),
    "nxf": (0.1, 0.2, 0.2, 0.3),
    "nyx": (0.2, 0.8, 0.1, 0.2),
    "prob": (0.3, 0.3, 0.3, 0.3),
    "rhea": (0.2, 0.2, 0.5, 0.4),
    "sl": (0.4, 0.4, 0.3, 0.3),
    "thd": (0.1, 0.1, 0.6, 0.5),
    "thf": (0.1, 0.2, 0.3, 0.4),
    "thm": (0.2, 0.2, 0.3, 0.4),
}
_FOCUS = {"Normal": 0.2, "Strong": 0.4}
_DETAILS = {"precise": 0.1, "low": 0.2, "middle": 0.4, "creative": 0.5, "high": 0.6}
_FAST = ("apf-2", "chf-3")
_RATE_USUAL = 60
_BLUR_MAX = 1.5  # pixels
_REALISM_GRAIN = 0.02
_TEXTURE_GRAIN = 0.05


def sizes_of(inputs: Mapping[str, Any], *, model: str) -> dict[str, Any]:
    """Return the fields of a ``VideoEnhancement`` that decide its size."""
    factor = inputs.get("upscale_factor")
    return {
        "width": _side(inputs.get("target_width")),
        "height": _side(inputs.get("target_height")),
        "factor": None if factor is None else min(16.0, max(1.0, number_of(factor, default=2.0))),
        "usual_factor": 1.0 if model == "runway/ruby" else 2.0,
        "crops": inputs.get("crop_to_fit") is True,
    }


def encoding_of(inputs: Mapping[str, Any]) -> str:
    """Return the name of the requested encoding, one of ``ENCODINGS``."""
    name = str(inputs.get("video_output_preset") or inputs.get("output_format") or "h264-high")
    if name == "hdr_prores":
        name = f"{name} {inputs.get('prores_profile') or '422 HQ'}"
    return name if name in ENCODINGS else "h264-high"


def rate_of(inputs: Mapping[str, Any]) -> FrameRate | None:
    """Return the requested frame rate, or None for the input's own."""
    if inputs.get("frame_interpolation") is not True:
        return None
    repeats = inputs.get("frame_interpolation_fix_duplicate_frames") is not False
    below = number_of(inputs.get("frame_interpolation_duplicate_sensitivity"), default=0.01)
    fps = number_of(inputs.get("frame_interpolation_fps"), default=_RATE_USUAL)
    slowdown = number_of(inputs.get("frame_interpolation_slowmo"), default=1)
    return FrameRate(
        per_second=round(min(240, max(1, fps))),
        slowdown=round(min(16, max(1, slowdown))),
        is_compensated=inputs.get("frame_interpolation_model") not in _FAST,
        repeat_below=below if repeats else None,
    )


def treatment_of(inputs: Mapping[str, Any], *, model: str) -> FrameTreatment:
    """Return the treatment of the frames."""
    if "enhancement" in inputs:
        return _upscaling(inputs)
    if model in _TREATMENTS:
        return _TREATMENTS[model]
    realism = number_of(inputs.get("realism"), default=0.0)
    texture = number_of(inputs.get("noise_scale"), default=0.0)
    return FrameTreatment(
        deblock=_USUAL.deblock,
        denoise=_USUAL.denoise,
        detail=_DETAILS.get(str(inputs.get("creativity")), _USUAL.detail),
        sharpen=number_of(inputs.get("sharp"), default=_USUAL.sharpen),
        grain=_REALISM_GRAIN * realism + _TEXTURE_GRAIN * texture,
    )


def _upscaling(inputs: Mapping[str, Any]) -> FrameTreatment:
    """Return the treatment by Topaz Video Upscale's many fields."""
    scanned = str(inputs.get("enhancement_video_type") or "Progressive")
    has_grain = inputs.get("grain") is True
    grain = number_of(inputs.get("grain_strength"), default=0.02) if has_grain else 0.0
    size = number_of(inputs.get("grain_size"), default=1.0)
    if inputs.get("enhancement") is not True:
        deblock = denoise = detail = sharpen = blur = 0.0
    elif inputs.get("enhancement_parameters") == "Manual":
        deblock = _manual(inputs, "enhancement_compression")
        denoise = _manual(inputs, "enhancement_reduce_noise")
        detail = _manual(inputs, "enhancement_recover_details")
        sharpen = _manual(inputs, "enhancement_sharpen")
        blur = _BLUR_MAX * _manual(inputs, "enhancement_preblur")
    else:
        name = str(inputs.get("enhancement_model") or "prob-4")
        strengths = _RESTORERS.get(name) or _RESTORERS.get(name.partition("-")[0])
        deblock, denoise, detail, sharpen = strengths or _RESTORERS["prob"]
        blur = 0.0
    return FrameTreatment(
        deinterlace=scanned != "Progressive",
        deblock=deblock,
        denoise=denoise,
        blur=blur,
        detail=detail,
        sharpen=min(1.0, sharpen + _FOCUS.get(str(inputs.get("enhancement_focus_fix")), 0.0)),
        grain=grain,
        grain_size=size,
    )


def _manual(inputs: Mapping[str, Any], name: str) -> float:
    """Return a strength from 0 to 1; below 0 it asks for none."""
    return min(1.0, max(0.0, number_of(inputs.get(name), default=0.0)))


def _side(value: object) -> int | None:
    number = number_of(value, default=0.0)
    return max(1, round(number)) if number > 0 else None
