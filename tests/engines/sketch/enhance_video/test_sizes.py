"""The sizes of enhanced clips, and the sentences that refuse too much work."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.engines.sketch.enhance_video.sizes import (
    CLIP_PIXELS_MAX,
    FRAME_PIXELS_MAX,
    SIDE_MIN,
    can_follow_motion,
    check_input,
    size_of,
)
from ringback.engines.sketch.enhance_video.spec import VideoEnhancement
from ringback.engines.sketch.motion.footage import Span
from ringback.errors import EngineError


def asking(**fields: Any) -> VideoEnhancement:
    return VideoEnhancement(video="v", out="o", still="s", model="m", encoding="hlg", **fields)


@pytest.mark.parametrize(
    ("fields", "shown", "size"),
    [
        ({}, (640, 360), (1280, 720)),
        ({}, (2560, 1440), (3840, 2160)),
        ({"usual_factor": 1.0}, (641, 361), (640, 360)),
        ({"width": 1000}, (640, 360), (1000, 562)),
        ({"height": 1}, (640, 360), (SIDE_MIN, SIDE_MIN)),
        ({"width": 999, "height": 333}, (640, 360), (1000, 332)),
        ({"factor": 1.5, "width": 9}, (101, 75), (152, 112)),
    ],
)
def test_a_size_is_even_and_as_requested(
    fields: dict[str, Any], shown: tuple[int, int], size: tuple[int, int]
) -> None:
    assert size_of(asking(**fields), shown, frames=24) == size


@pytest.mark.parametrize(
    ("fields", "frames", "sentence"),
    [
        (
            {"width": 8000, "height": 8000},
            24,
            "A frame of 8,000 x 8,000 pixels is too large; at most 8.3 megapixels are made. "
            "Ask for at most 2,880 x 2,880 pixels.",
        ),
        (
            {"width": 3840, "height": 2160},
            300,
            "300 frames of 3,840 x 2,160 pixels are 2,488 megapixels together; at most 2,000 are "
            "made. Ask for at most 3,442 x 1,936 pixels or a lower frame rate, or send a shorter "
            "clip.",
        ),
        (
            {},
            30_001,
            "A clip of 30,001 frames is too long; at most 30,000 are made. Ask for a lower "
            "frame_interpolation_fps or frame_interpolation_slowmo, or send a shorter clip.",
        ),
    ],
)
def test_too_much_work_is_refused_with_the_limit_and_a_way_out(
    fields: dict[str, Any], frames: int, sentence: str
) -> None:
    with pytest.raises(EngineError) as caught:
        size_of(asking(**fields), (1920, 1080), frames=frames)
    assert str(caught.value) == sentence


def test_without_a_size_the_limits_are_kept_and_the_input_is_not_shrunk() -> None:
    assert size_of(asking(), (1280, 720), frames=1_000) == (1884, 1060)
    with pytest.raises(EngineError, match="at most 2,000 are made"):
        size_of(asking(), (1920, 1080), frames=2_000)


@given(
    shown=st.tuples(st.integers(1, 4096), st.integers(1, 2304)),
    width=st.none() | st.integers(1, 8000),
    height=st.none() | st.integers(1, 8000),
    frames=st.integers(1, 40_000),
)
def test_no_size_exceeds_the_limits(
    shown: tuple[int, int], width: int | None, height: int | None, frames: int
) -> None:
    try:
        wide, high = size_of(asking(width=width, height=height), shown, frames=frames)
    except EngineError:
        return
    assert wide % 2 == high % 2 == 0
    assert min(wide, high) >= SIDE_MIN
    assert wide * high <= FRAME_PIXELS_MAX
    assert wide * high * frames <= CLIP_PIXELS_MAX


def test_long_or_large_clips_do_not_follow_the_motion() -> None:
    assert can_follow_motion((1280, 720), (1920, 1080), frames=300)
    assert not can_follow_motion((1280, 720), (1920, 1080), frames=600)
    assert not can_follow_motion((3840, 2160), (3840, 2160), frames=1)


@pytest.mark.parametrize(
    ("span", "sentence"),
    [
        (Span(last_s=1, frames=3_601), "3,601 frames is too long .* at most 3,600"),
        (Span(first_s=1, last_s=302, frames=9), "301 s is too long .* at most 300 s"),
    ],
)
def test_an_input_that_is_too_long_is_refused(span: Span, sentence: str) -> None:
    with pytest.raises(EngineError, match=sentence):
        check_input(span)
