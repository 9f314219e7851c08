"""Frame rates: frames between those of the input, slow motion, repeated frames, exact lengths."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ringback.engines.sketch.enhance_video.spec import FrameRate
from tests.engines.sketch.enhance_video.test_enhancing_films import enhanced, film_of
from tests.films import a_crossing, positions


def at_rate(video: Path, per_second: int, **changes: object) -> Path:
    return enhanced(video, factor=1.0, rate=FrameRate(per_second=per_second, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("is_compensated", [True, False], ids=["following", "blending"])
def test_new_frames_lie_between_their_neighbours(tmp_path: Path, is_compensated: bool) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=9, rate=8)
    film = film_of(at_rate(video, 16, is_compensated=is_compensated))
    assert (film.video["rate"], len(film.frames)) == (16, 18)
    assert film.seconds == pytest.approx(9 / 8, abs=1 / 16)
    before, found = positions(film_of(video).frames), positions(film.frames)
    assert found[::2] == pytest.approx(before, abs=0.01)
    middles = [(one + other) / 2 for one, other in pairwise(before)]
    assert found[1:17:2] == pytest.approx(middles, abs=0.02)


def test_a_frame_that_follows_the_motion_shows_one_disc_and_a_blended_one_two(
    tmp_path: Path,
) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=9, rate=8)
    bright = [
        int((film_of(at_rate(video, 16, is_compensated=one)).frames[7][..., 1] > 190).sum())
        for one in (True, False)
    ]
    assert bright[0] > bright[1] * 1.3


@pytest.mark.parametrize(
    ("rate", "per_second"), [(24, 60), (Fraction(24_000, 1_001), 30), (25, 24), (30, 15), (12, 50)]
)
def test_the_length_is_kept_to_one_frame(
    tmp_path: Path, rate: Fraction | int, per_second: int
) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=12, rate=rate, sound="aac")
    film = film_of(at_rate(video, per_second, is_compensated=False))
    assert film.video["rate"] == per_second
    assert len(film.frames) == pytest.approx(12 / rate * per_second, abs=1)
    assert film.audio is not None
    assert np.diff(positions(film.frames)).min() > -0.001


def test_slow_motion_lasts_longer_and_is_silent(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=16, sound="aac")
    film = film_of(at_rate(video, 24, slowdown=3))
    assert len(film.frames) == 48
    assert film.audio is None
    assert np.diff(positions(film.frames[:45])).min() > 0.005


def test_irregular_times_become_regular(tmp_path: Path) -> None:
    # The disc moves evenly by frame; its times are uneven, so its even frames must be too.
    video = a_crossing(tmp_path / "film.mp4", frames=5, times=[0, 100, 200, 500, 600])
    found = positions(film_of(at_rate(video, 20, is_compensated=False)).frames)
    own = positions(film_of(video).frames)
    assert [found[number] for number in (0, 2, 4, 10)] == pytest.approx(own[:4], abs=0.01)
    assert own[2] + 0.02 < found[7] < own[3] - 0.02


def test_a_frame_that_stays_for_long_does_not_turn_into_the_next_meanwhile(tmp_path: Path) -> None:
    times = [*range(0, 400, 40), 2400, *range(2440, 2840, 40)]
    video = a_crossing(tmp_path / "film.mp4", frames=len(times), rate=25, times=times)
    found = positions(film_of(at_rate(video, 50, is_compensated=False)).frames)
    assert np.ptp(found[18:110]) < 0.004
    assert found[121] > found[17] + 0.02


def test_repeated_frames_are_replaced(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=16, rate=16, held=2)
    stuck = np.diff(positions(film_of(at_rate(video, 32, is_compensated=False)).frames)[:24])
    fluent = np.diff(
        positions(film_of(at_rate(video, 32, is_compensated=False, repeat_below=0.01)).frames)[:24]
    )
    assert stuck.min() < 0.003
    assert fluent.min() > 0.008


def test_a_still_film_keeps_its_length(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=12, held=12)
    assert len(film_of(at_rate(video, 48, repeat_below=0.01)).frames) == 24


def test_one_frame_is_shown_as_long_as_before(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=1, rate=10)
    assert len(film_of(at_rate(video, 60)).frames) == 6
