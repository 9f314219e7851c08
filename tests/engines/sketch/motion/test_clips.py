"""Clips: valid MP4s of the requested size, with moving scenes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ringback.engines.sketch.motion.camera import Move
from ringback.engines.sketch.motion.clip import make
from ringback.engines.sketch.motion.clip_spec import ShotSpec
from ringback.engines.sketch.motion.strata import BEHIND
from ringback.engines.sketch.style.features import BANDS, StyleFeatures, encode_features
from tests.clips import FRAMES, SIZE, ReporterLog, a_clip, apart, boxes, made, picture, pixels

STILL = Move()


def test_a_clip_is_h264_that_plays_while_it_loads(tmp_path: Path) -> None:
    film = made(tmp_path, frames=30)
    assert film.video == {
        "codec": "h264",
        "pix_fmt": "yuv420p",
        "size": SIZE,
        "frames": 30,
        "rate": 24,
    }
    assert film.seconds == pytest.approx(30 / 24, abs=0.01)
    names = boxes(film.content)
    assert names.index("moov") < names.index("mdat")
    assert film.audio is None


def test_a_clip_names_its_engine_in_its_metadata(tmp_path: Path) -> None:
    film = made(tmp_path, "snow on the fjord, \u96ea")
    assert "sketch" in film.says["comment"]
    assert film.says["description"] == "snow on the fjord, \u96ea"


@pytest.mark.parametrize("kind", list(BEHIND))
def test_every_scene_moves(tmp_path: Path, kind: str) -> None:
    word = {"portrait": "somebody", "sea": "the sea"}.get(kind, kind)
    film = made(tmp_path, f"{word} at noon")
    assert apart(film.frames[0], film.frames[-1]) > 0.5
    assert film.frames[0].std() > 8


@pytest.mark.parametrize("weather", ["rain", "storm", "snow", "fog", "clouds"])
def test_the_weather_moves_with_a_still_camera(tmp_path: Path, weather: str) -> None:
    film = made(tmp_path, f"a desert in {weather}", move=STILL, frames=24)
    assert apart(film.frames[0], film.frames[-1]) > 0.1


def test_the_same_clip_is_the_same_bytes_and_another_seed_another(tmp_path: Path) -> None:
    one, again = made(tmp_path, has_sound=True), made(tmp_path, has_sound=True)
    other = made(tmp_path, has_sound=True, seed=8)
    assert one.content == again.content
    assert one.content != other.content


def test_a_transition_from_day_to_night_grows_dark(tmp_path: Path) -> None:
    film = made(tmp_path, "mountains from day into night", frames=24)
    brightness = [float(frame.mean()) for frame in film.frames]
    assert brightness[-1] < brightness[0] * 0.4
    steps = np.abs(np.diff(brightness))
    assert steps.max() < 0.2 * (brightness[0] - brightness[-1])


def test_a_clip_starts_with_its_start_image_and_then_moves(tmp_path: Path) -> None:
    start = picture(tmp_path / "start.png", (230, 90, 40))
    film = made(tmp_path, "the sea in rain", start_image=start, frames=30)
    assert apart(film.frames[0], pixels(start)) < 4
    assert apart(film.frames[-1], pixels(start)) > 2


def test_a_clip_ends_at_its_end_image(tmp_path: Path) -> None:
    end = picture(tmp_path / "end.png", (40, 200, 90))
    film = made(tmp_path, "the sea at night", end_image=end, frames=30)
    assert apart(film.frames[-1], pixels(end)) < 4
    assert apart(film.frames[0], pixels(end)) > 20


def test_a_clip_goes_from_its_start_image_to_its_end_image(tmp_path: Path) -> None:
    start = picture(tmp_path / "start.png", (230, 90, 40))
    end = picture(tmp_path / "end.png", (40, 90, 230))
    film = made(tmp_path, start_image=start, end_image=end, frames=30)
    assert apart(film.frames[0], pixels(start)) < 4
    assert apart(film.frames[-1], pixels(end)) < 4


def test_an_input_image_of_another_ratio_is_cropped(tmp_path: Path) -> None:
    start = picture(tmp_path / "start.png", (230, 90, 40), size=(90, 200))
    film = made(tmp_path, start_image=start)
    assert film.video["size"] == SIZE
    assert film.frames[0][..., 0].mean() > film.frames[0][..., 2].mean() * 2


def test_a_loop_leads_into_its_first_frame(tmp_path: Path) -> None:
    film = made(tmp_path, "the sea in a storm", loops=True, frames=48)
    plain = made(tmp_path, "the sea in a storm", frames=48)
    steps = [apart(a, b) for a, b in zip(film.frames, film.frames[1:], strict=False)]
    seam = apart(film.frames[-1], film.frames[0])
    assert seam < 1.5 * max(steps)
    assert seam < apart(plain.frames[-1], plain.frames[0])


def test_shots_follow_each_other(tmp_path: Path) -> None:
    shots = tuple(
        ShotSpec(prompt=prompt, frames=18, move=STILL)
        for prompt in ("a desert at noon", "the night")
    )
    film = made(tmp_path, shots=shots)
    assert len(film.frames) == 36
    assert film.frames[-1].mean() < film.frames[0].mean() * 0.7


def test_references_decide_the_colours(tmp_path: Path) -> None:
    green = picture(tmp_path / "green.png", (20, 220, 30))
    plain, moved = made(tmp_path), made(tmp_path, references=(green,))
    red, green_part, _ = (float(part) for part in moved.frames[3].mean(axis=(0, 1)))
    assert green_part > 1.5 * red
    assert plain.frames[3][..., 1].mean() < 1.1 * plain.frames[3][..., 0].mean()


def test_a_trained_style_changes_the_clip(tmp_path: Path) -> None:
    style = StyleFeatures(palette="e01818" * 40 + "200404" * 20, bands=(0.0,) * BANDS, grain=0.0)
    plain = made(tmp_path)
    dressed = made(tmp_path, trained=((encode_features(style), 1.0),))
    red, green, _ = (float(part) for part in dressed.frames[3].mean(axis=(0, 1)))
    assert red > 2 * green
    assert plain.frames[3][..., 0].mean() < 1.5 * plain.frames[3][..., 1].mean()


def test_a_large_clip_is_drawn_smaller_and_enlarged(tmp_path: Path) -> None:
    film = made(tmp_path, width=1920, height=1080, frames=2)
    assert film.video["size"] == (1920, 1080)


def test_a_clip_reports_progress_and_shows_stills(tmp_path: Path) -> None:
    reporter = ReporterLog()
    make(a_clip(tmp_path / "clip.mp4"), reporter)
    assert reporter.fractions == sorted(reporter.fractions)
    assert len(reporter.fractions) == FRAMES // 4
    assert len(reporter.previews) == 4
    for still in reporter.previews:
        with Image.open(BytesIO(still)) as image:
            assert (image.format, image.size) == ("JPEG", SIZE)
