"""The filters that enhance a clip, in their order. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ringback.engines.sketch.enhance.tiles import Plan
from ringback.engines.sketch.enhance_video.filtering import Filter
from ringback.engines.sketch.enhance_video.sizes import Size
from ringback.engines.sketch.enhance_video.spec import FrameTreatment

# EXIF's orientations as FFmpeg turns frames.
_TURNS: dict[int, tuple[Filter, ...]] = {
    2: (("hflip", {}),),
    3: (("hflip", {}), ("vflip", {})),
    4: (("vflip", {}),),
    5: (("transpose", {"dir": "cclock_flip"}),),
    6: (("transpose", {"dir": "clock"}),),
    7: (("transpose", {"dir": "clock_flip"}),),
    8: (("transpose", {"dir": "cclock"}),),
}

_DENOISED_TOGETHER = "5"  # frames, the fewest: each of 4K takes 28 MB


def restoring(treatment: FrameTreatment) -> Iterator[Filter]:
    """Yield the filters that run at the input's size."""
    if treatment.deinterlace:
        yield "bwdif", {"mode": "send_frame", "deint": "all"}
    if treatment.deblock > 0:
        limit = f"{0.02 + 0.08 * treatment.deblock:.4f}"
        yield "deblock", {"block": "8", "alpha": limit, "beta": limit}
    if treatment.denoise > 0:
        yield from _denoising(treatment.denoise)
    if treatment.blur > 0:
        yield "gblur", {"sigma": f"{treatment.blur:.3f}"}


def turning(orientation: int) -> tuple[Filter, ...]:
    """Return the filters that show a film upright."""
    return _TURNS.get(orientation, ())


def enlarging(plan: Plan, *, shown: Size, turned: Size) -> Iterator[Filter]:
    """Yield the filters that bring an upright frame to the size of the plan.

    ``shown`` is the size in the plan's square pixels, ``turned`` that in the frame's own.
    """
    across, down = turned[0] / shown[0], turned[1] / shown[1]
    left, top, right, bottom = plan.seen
    if plan.seen != (0.0, 0.0, float(shown[0]), float(shown[1])):
        yield (
            "crop",
            {
                "w": str(max(1, round((right - left) * across))),
                "h": str(max(1, round((bottom - top) * down))),
                "x": str(round(left * across)),
                "y": str(round(top * down)),
                "exact": "1",
            },
        )
    x, y, wide, high = _inner(plan)
    yield "scale", {"w": str(wide), "h": str(high), "flags": "lanczos+accurate_rnd"}
    yield "setsar", {"sar": "1"}
    if (wide, high) != plan.size:
        yield "pad", {"w": str(plan.size[0]), "h": str(plan.size[1]), "x": str(x), "y": str(y)}


def finishing(treatment: FrameTreatment) -> Iterator[Filter]:
    """Yield the filters that run at the result's size."""
    if treatment.detail > 0:
        amount = f"{0.6 * treatment.detail:.3f}"
        yield "unsharp", {"luma_msize_x": "13", "luma_msize_y": "13", "luma_amount": amount}
    if treatment.sharpen > 0:
        yield "cas", {"strength": f"{0.8 * treatment.sharpen:.3f}", "planes": "1"}


def _denoising(strength: float) -> Iterator[Filter]:
    # Over time first, which leaves the detail of still parts; then within each frame.
    within, between = f"{0.02 + 0.06 * strength:.4f}", f"{0.04 + 0.12 * strength:.4f}"
    limits = {f"{plane}a": within for plane in range(3)} | {
        f"{plane}b": between for plane in range(3)
    }
    yield "atadenoise", {"s": _DENOISED_TOGETHER, **limits}
    yield "bilateral", {"sigmaS": "1.5", "sigmaR": f"{0.02 + 0.1 * strength:.4f}"}


def _inner(plan: Plan) -> tuple[int, int, int, int]:
    """Return the place and size of the clip in the frame, which must be even."""
    left, top, right, bottom = plan.inner
    wide, high = (
        min(whole, max(2, round(side / 2) * 2))
        for side, whole in zip((right - left, bottom - top), plan.size, strict=True)
    )
    return left // 2 * 2, top // 2 * 2, wide, high
