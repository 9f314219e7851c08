"""The requests of the models that enhance clips, as the work that they describe."""

from __future__ import annotations

from typing import Any

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.engines.sketch.enhance_video.encodings import ENCODINGS
from ringback.engines.sketch.enhance_video.parameters import (
    encoding_of,
    rate_of,
    sizes_of,
    treatment_of,
)
from ringback.engines.sketch.enhance_video.spec import FrameRate, FrameTreatment

CATALOGUE = Catalogue.load()
URL = "https://x.example/a.mp4"
MODELS = [
    model.id for model in CATALOGUE if model.kind == "enhance" and "video_url" in model.parameters
]


def completed(model: str, **fields: Any) -> dict[str, Any]:
    """Return a body as the engine gets it, with the model's defaults."""
    body = {"video_url": URL, **fields}
    return dict(CATALOGUE.validate(CATALOGUE.find("enhance", model), body).completed)


def test_there_are_nine_of_them() -> None:
    assert len(MODELS) == 9


@pytest.mark.parametrize("model", MODELS)
def test_every_choice_of_a_codec_is_one_that_can_be_written(model: str) -> None:
    parameters = CATALOGUE.find("enhance", model).parameters
    for name in ("video_output_preset", "output_format"):
        for choice in (parameters[name].enum or ()) if name in parameters else ():
            requested = encoding_of(completed(model, **{name: choice}))
            assert requested.startswith(str(choice))
            assert requested in ENCODINGS


@pytest.mark.parametrize(
    ("model", "fields", "encoding"),
    [
        ("topaz/video-upscale", {}, "h265-main"),
        ("topaz/hyperion", {}, "h265-main10"),
        ("topaz/astra", {"video_output_preset": "vp9-best"}, "vp9-best"),
        ("bytedance/seedvr-2", {}, "h264-high"),
        ("black-forest-labs/flux-video-upscale", {}, "h264-high"),
        ("runway/ruby", {}, "hdr10"),
        ("runway/ruby", {"output_format": "hdr_prores"}, "hdr_prores 422 HQ"),
        (
            "runway/ruby",
            {"output_format": "hdr_prores", "prores_profile": "4444"},
            "hdr_prores 4444",
        ),
    ],
)
def test_a_request_decides_the_encoding(model: str, fields: dict[str, Any], encoding: str) -> None:
    assert encoding_of(completed(model, **fields)) == encoding


@pytest.mark.parametrize(
    ("model", "fields", "rate"),
    [
        ("topaz/video-upscale", {}, FrameRate(per_second=60, repeat_below=0.01)),
        ("topaz/video-upscale", {"frame_interpolation": False}, None),
        ("topaz/astra-2", {}, None),
        (
            "topaz/astra-2",
            {
                "frame_interpolation": True,
                "frame_interpolation_fps": 120,
                "frame_interpolation_slowmo": 4,
                "frame_interpolation_model": "chf-3",
                "frame_interpolation_fix_duplicate_frames": False,
            },
            FrameRate(per_second=120, slowdown=4, is_compensated=False),
        ),
        ("runway/ruby", {}, None),
    ],
)
def test_a_request_decides_the_rate(
    model: str, fields: dict[str, Any], rate: FrameRate | None
) -> None:
    assert rate_of(completed(model, **fields)) == rate


def test_a_request_decides_the_size() -> None:
    fields = {"target_width": 1280.4, "crop_to_fit": True}
    sizes = sizes_of(completed("topaz/astra", **fields), model="topaz/astra")
    assert sizes == {
        "width": 1280,
        "height": None,
        "factor": None,
        "usual_factor": 2.0,
        "crops": True,
    }
    flux = "black-forest-labs/flux-video-upscale"
    assert sizes_of(completed(flux, upscale_factor=2.5), model=flux)["factor"] == 2.5
    assert sizes_of(completed("runway/ruby"), model="runway/ruby")["usual_factor"] == 1.0


def upscaling(**fields: Any) -> FrameTreatment:
    model = "topaz/video-upscale"
    return treatment_of(completed(model, **fields), model=model)


def test_the_fields_of_topaz_decide_the_treatment() -> None:
    assert upscaling(enhancement=False) == FrameTreatment()
    assert upscaling(enhancement_video_type="Interlaced", enhancement_model="iris-3").deinterlace
    strong = upscaling(enhancement_focus_fix="Strong")
    assert strong.sharpen == upscaling().sharpen + 0.4
    by_hand = upscaling(
        enhancement_parameters="Manual",
        enhancement_compression=0.3,
        enhancement_recover_details=0.4,
        enhancement_sharpen=-0.5,
        enhancement_reduce_noise=1,
        enhancement_preblur=0,
        grain=True,
        grain_strength=0.1,
        grain_size=3,
    )
    assert by_hand == FrameTreatment(
        deblock=0.3, detail=0.4, denoise=1.0, grain=0.1, grain_size=3.0
    )


@pytest.mark.parametrize(
    "choice",
    CATALOGUE.find("enhance", "topaz/video-upscale").parameters["enhancement_model"].enum or (),
)
def test_every_restorer_has_strengths(choice: str) -> None:
    treatment = treatment_of(
        {"enhancement": True, "enhancement_model": choice}, model="topaz/video-upscale"
    )
    assert 0 < treatment.sharpen <= 1


def test_creativity_noise_and_realism_count() -> None:
    low, high = (
        treatment_of(completed("topaz/astra", creativity=one), model="topaz/astra")
        for one in ("low", "high")
    )
    assert low.detail < high.detail
    noisy = completed("bytedance/seedvr-2", noise_scale=1)
    assert treatment_of(noisy, model="bytedance/seedvr-2").grain == 0.05
    real = completed("topaz/astra-2", realism=1, sharp=0.9)
    assert treatment_of(real, model="topaz/astra-2").grain == 0.02
    assert treatment_of(real, model="topaz/astra-2").sharpen == 0.9
    assert treatment_of(completed("runway/ruby"), model="runway/ruby") == FrameTreatment()
