"""Parameters of clips, under every video model's own names."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.example import example_of
from ringback.catalogue.model import Model
from ringback.engines.sketch.motion.camera import MARGIN_X, Move, Path, room_for
from ringback.engines.sketch.motion.maker import clip_spec
from ringback.engines.sketch.motion.moves import move_of
from ringback.engines.sketch.motion.parameters import clip_of, inputs_of
from ringback.engines.sketch.motion.plates import canvas_size
from ringback.errors import EngineError

VIDEOS = [model for model in Catalogue.load() if model.kind == "video"]
VIEW = (320, 180)


def clip(model: str = "google/veo-3", **fields: Any) -> Any:
    return clip_of(fields, model=model, prompt="a lake")


@pytest.mark.parametrize("model", VIDEOS, ids=lambda model: model.id)
def test_every_video_models_example_is_a_clip(model: Model) -> None:
    catalogue = Catalogue.load()
    body = catalogue.validate(catalogue.find("video", model.id), example_of(model)).input
    described = clip_spec(body, model=model.id, prompt="a lake")
    assert min(described["width"], described["height"]) >= 64
    assert described["width"] % 2 == described["height"] % 2 == 0
    frames = sum(shot.frames for shot in described["shots"])
    assert 1 <= frames / described["rate"] <= 20


def test_there_are_the_41_video_models_of_the_newest_day() -> None:
    assert len(VIDEOS) == 41


def test_a_video_to_edit_may_be_named_as_the_start() -> None:
    fields = {"start_video": "https://example.com/a.mp4"}
    assert inputs_of(fields).start_video == fields["start_video"]
    edited = inputs_of(fields, model="black-forest-labs/flux-video-edit")
    assert (edited.edited, edited.start_video) == (fields["start_video"], None)


def test_the_first_reference_sound_is_the_clips_unless_one_is_named() -> None:
    fields = {"reference_audios": ["https://example.com/1.mp3", "https://example.com/2.mp3"]}
    assert inputs_of(fields).sound == "https://example.com/1.mp3"
    named = fields | {"audio_url": "https://example.com/own.mp3"}
    assert inputs_of(named).sound == "https://example.com/own.mp3"


@pytest.mark.parametrize(
    ("motion", "move"),
    [
        ("dolly_in", Move(dolly=0.9, zoom=0.2)),
        ("dolly_left", Move(truck=-0.9)),
        ("jib_up", Move(pedestal=0.9)),
        ("static", Move()),
        ("focus_shift", Move()),
    ],
)
def test_a_motion_by_its_name_moves_the_camera(motion: str, move: Move) -> None:
    assert move_of({"camera_motion": motion}, "a lake", chance=1) == move


def test_points_of_a_trajectory_move_the_camera_around_and_nearer() -> None:
    points = [
        {"time": 1, "distance": 2, "azimuth": 45, "elevation": 0},
        {"time": 0, "distance": 4, "azimuth": 0, "elevation": 45},
    ]
    move = move_of({"camera_trajectory": points}, "a lake", chance=1)
    assert move == Move(truck=0.5, pan=-0.25, pedestal=-0.5, dolly=0.5)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, (1280, 720)),
        ({"aspect_ratio": "9:16"}, (720, 1280)),
        ({"aspect_ratio": "1:1", "resolution": "1080p"}, (1080, 1080)),
        ({"aspect_ratio": "21:9", "resolution": "480p"}, (1120, 480)),
        ({"aspect_ratio": "16:9", "resolution": "4K"}, (3840, 2160)),
        ({"aspect_ratio": "16:9", "resolution": "4k"}, (3840, 2160)),
        ({"aspect_ratio": "adaptive", "resolution": "540p"}, (960, 540)),
        ({"aspect_ratio": "16:9", "mode": "pro"}, (1920, 1080)),
        ({"aspect_ratio": "16:9", "mode": "4k"}, (3840, 2160)),
        ({"aspect_ratio": "1584:672"}, (1584, 672)),
        ({"ratio": "832:1104"}, (832, 1104)),
        ({"width": 833, "height": 479.6, "aspect_ratio": "9:16"}, (832, 480)),
        ({"width": 1e9, "height": 1e9}, (2880, 2880)),
        ({"width": -5, "height": 0}, (64, 64)),
        ({"width": 1e9, "height": 1}, (4096, 64)),
    ],
)
def test_a_clip_has_the_requested_size(fields: dict[str, Any], size: tuple[int, int]) -> None:
    made = clip(**fields)
    assert (made.width, made.height) == size


@pytest.mark.parametrize(
    ("fields", "model", "frames", "rate"),
    [
        ({"duration": 8}, "google/veo-3", 192, 24),
        ({"duration": "10"}, "kling/kling-1", 240, 24),
        ({"duration": "7s"}, "kling/kling-1", 168, 24),
        ({"duration": 2.5}, "runway/gen-4.5", 60, 24),
        ({}, "minimax/hailuo", 144, 24),
        ({}, "luma/ray-2", 120, 24),
        ({"num_frames": 49, "duration": 20}, "lightricks/ltx-video-2.3-22b", 49, 24),
        ({"frame_num": 81}, "alibaba/wan-2.1", 81, 16),
        ({"frame_num": -4}, "alibaba/wan-2.1", 1, 16),
    ],
)
def test_a_clip_has_the_requested_duration(
    fields: dict[str, Any], model: str, frames: int, rate: int
) -> None:
    made = clip(model, **fields)
    assert (made.frames, made.rate) == (frames, rate)


def test_a_clip_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(EngineError, match=r"of 1e\+06 s is too long; ask for at most 60 s"):
        clip("bytedance/seedance-1.0-pro", duration=1_000_000)


def test_shots_have_their_own_prompts_and_lengths() -> None:
    made = clip(
        "kling/kling-3.0",
        duration=5,
        multi_prompt=[{"prompt": "the sea", "duration": 2}, {"prompt": "a city", "duration": 3}],
    )
    assert [shot.frames for shot in made.shots] == [48, 72]
    assert made.shots[1].prompt == "a city. a lake"


def test_every_input_is_found_under_each_of_its_names() -> None:
    fields = {
        "start_image": "a",
        "end_image": "b",
        "start_video": None,
        "end_video": "c",
        "init_video": "d",
        "audio_url": "e",
        "init_image_url": "f",
        "references": [{"type": "image", "uri": "g"}],
        "subjects": [{"type": "character", "image": ["h"]}],
    }
    found = inputs_of(fields)
    assert (found.start_image, found.end_image, found.start_video) == ("a", "b", None)
    assert (found.end_video, found.edited, found.sound) == ("c", "d", "e")
    assert found.references == ("f", "g", "h")
    assert inputs_of({"edit_video": "x"}).edited == "x"
    assert inputs_of({"video_reference": {"url": "y", "tag": "abc"}}).edited == "y"
    more = {"element_references": [{"images": ["1", "2"]}], "style_references": [{"url": "3"}]}
    assert inputs_of(more).references == ("3", "1", "2")


@pytest.mark.parametrize(
    "fields",
    [
        {"duration": 1.7e308},
        {"frame_num": 10**400},
        {"multi_prompt": [{"prompt": "a fox", "duration": 1.7e308}]},
    ],
)
def test_an_enormous_duration_is_refused(fields: dict[str, Any]) -> None:
    with suppress(EngineError):
        made = clip(**fields)
        assert made.frames <= 60 * made.rate


@given(
    st.dictionaries(
        st.sampled_from(
            ["width", "height", "duration", "aspect_ratio", "resolution", "frame_num", "mode"]
        ),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    )
)
def test_any_value_is_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        made = clip(**fields)
    except EngineError:
        return
    assert made.width * made.height <= 3840 * 2160
    assert made.frames <= 60 * made.rate


@pytest.mark.parametrize(
    ("control", "prompt", "move"),
    [
        ({"type": "simple", "config": {"horizontal": 10}}, "", Move(truck=1)),
        ({"type": "simple", "config": {"pan": -5}}, "", Move(tilt=-0.5)),
        ({"type": "simple", "config": {"tilt": 10, "zoom": -10}}, "", Move(pan=1, zoom=1)),
        ({"type": "simple"}, "zoom in", Move()),
        ({"type": "forward_up", "config": None}, "", Move(dolly=0.8, tilt=0.7)),
        (["[Pan left]", "zoom-in"], "", Move(pan=-0.9, zoom=0.9)),
        (None, "a castle, the camera pans right", Move(pan=0.9)),
        (None, "a castle, static shot, zoom in", Move()),
        (None, "pan left, truck left, pan left, pan left", Move(pan=-0.9, truck=-0.9)),
    ],
)
def test_the_camera_follows_the_request(control: object, prompt: str, move: Move) -> None:
    assert move_of({"camera_control": control}, prompt, chance=1) == move


def test_by_default_the_camera_moves_gently_to_either_side() -> None:
    one, other = (move_of({}, "a castle", chance=chance) for chance in (0, 1))
    assert one.truck == -other.truck != 0


def test_near_layers_move_faster() -> None:
    size = canvas_size(VIEW)
    start, end = (Path(move=Move(truck=1)).at(share) for share in (0.0, 1.0))

    def way(depth: float) -> float:
        return end.box(size, VIEW, depth=depth)[0] - start.box(size, VIEW, depth=depth)[0]

    assert 0 < way(0.0) < way(0.5) < way(1.0) <= 2 * MARGIN_X * VIEW[0]


def test_zooming_in_narrows_the_view_and_rolling_shows_no_corner() -> None:
    size = canvas_size(VIEW)
    start, end = (Path(move=Move(zoom=1)).at(share) for share in (0.0, 1.0))
    wide, narrow = (pose.box(size, VIEW, depth=0.5) for pose in (start, end))
    assert narrow[2] - narrow[0] < 0.8 * (wide[2] - wide[0])
    assert room_for(9, VIEW) > 1.2 > 1.0 == room_for(0, VIEW)


@given(
    st.lists(st.floats(-1, 1), min_size=8, max_size=8),
    st.floats(0, 1),
    st.floats(0, 1),
    st.booleans(),
)
def test_the_camera_never_sees_beyond_the_canvas(
    parts: list[float], share: float, depth: float, returns: bool
) -> None:
    names = ("truck", "pedestal", "dolly", "pan", "tilt", "zoom", "roll", "shake")
    pose = Path(move=Move(**dict(zip(names, parts, strict=True))), returns=returns).at(share)
    size = canvas_size(VIEW)
    left, top, right, bottom = pose.box(size, VIEW, depth=depth)
    assert -1e-6 <= left < right <= size[0] + 1e-6
    assert -1e-6 <= top < bottom <= size[1] + 1e-6
    assert (right - left) / (bottom - top) == pytest.approx(VIEW[0] / VIEW[1])
