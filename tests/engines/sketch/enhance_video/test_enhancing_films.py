"""Clips are enlarged, cleaned and written as requested, with their times and their sound."""

from __future__ import annotations

import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ringback.engines.sketch.enhance_video.encodings import ENCODINGS, Encoding, writable
from ringback.engines.sketch.enhance_video.pipeline import enhance_video
from ringback.engines.sketch.enhance_video.spec import FrameTreatment, VideoEnhancement
from ringback.engines.sketch.motion.audio_input import decode_audio
from ringback.engines.sketch.motion.footage import first_of
from ringback.engines.sketch.motion.sound import RATE
from ringback.errors import EngineError
from ringback.files.media.parsing import parse
from tests.clips import Film, ReporterLog, seen
from tests.engines.sketch.motion.test_as_players import a_film, corners
from tests.films import SIZE, a_crossing, a_disc, larger, psnr, times_of

DOUBLE = (SIZE[0] * 2, SIZE[1] * 2)


def enhanced(video: Path, *, encoding: str = "h264-high", **changes: Any) -> Path:
    """Enhance a film and return the path of the result."""
    out = video.with_name(f"enhanced{ENCODINGS[encoding].suffix}")
    still = video.with_name("still.jpg")
    enhance_video(
        VideoEnhancement(
            video=str(video),
            out=str(out),
            still=str(still),
            model="a/b",
            encoding=encoding,
            **changes,
        ),
        ReporterLog(),
    )
    return out


def film_of(path: Path) -> Film:
    return seen(path.read_bytes())


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mp4", "libx265", "yuv420p10le"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("mov", "png", "rgb24"),
        ("mov", "qtrle", "argb"),
    ],
)
def test_a_film_of_any_codec_is_enlarged_and_its_pixels_stay(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    film = film_of(enhanced(a_crossing(tmp_path / f"film.{suffix}", codec, pix_fmt=pix_fmt)))
    assert (film.video["codec"], film.video["size"]) == ("h264", DOUBLE)
    assert len(film.frames) == 12
    assert film.seconds == pytest.approx(0.5, abs=0.01)
    for number in (0, 6, 11):
        assert psnr(film.frames[number], larger(a_disc(number / 11), DOUBLE)) > 30
    assert "sketch engine for a/b" in film.says["comment"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_written_with_its_sound_and_read_by_the_server(
    tmp_path: Path, encoding: str
) -> None:
    out = enhanced(a_crossing(tmp_path / "film.mp4", sound="aac"), encoding=encoding)
    film, expected = film_of(out), ENCODINGS[encoding]
    codecs = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "libdav1d", "libvpx-vp9": "vp9"}
    assert film.video["codec"] == codecs.get(expected.codec, expected.codec)
    # FFmpeg decodes ProRes 4444 to 12 bits.
    assert film.video["pix_fmt"] == expected.pix_fmt.replace("444p10", "444p12")
    assert len(film.frames) == 12
    assert film.audio == {"codec": "opus" if expected.suffix == ".webm" else "aac", "channels": 2}
    facts = parse(out.read_bytes()).facts
    assert facts.media_type == expected.media_type
    assert (facts.width, facts.height) == DOUBLE
    assert facts.duration_s == pytest.approx(0.5, abs=0.02)
    if expected.hdr is None:
        assert psnr(film.frames[6], larger(a_disc(6 / 11), DOUBLE)) > 28


def test_the_sound_is_heard_as_before(tmp_path: Path) -> None:
    out = enhanced(a_crossing(tmp_path / "film.mov", frames=24, sound="alac"), encoding="vp9-good")
    sound = decode_audio(out, seconds=1.0)
    assert sound is not None
    middle = sound[0, RATE // 4 : RATE // 4 + RATE // 2]
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.fft.rfftfreq(middle.size, 1 / RATE)[spectrum.argmax()] == pytest.approx(440, abs=4)
    assert float(np.abs(middle).max()) == pytest.approx(0.4, abs=0.05)


def test_a_film_without_sound_stays_silent(tmp_path: Path) -> None:
    assert film_of(enhanced(a_crossing(tmp_path / "film.mp4"))).audio is None


@pytest.mark.parametrize(
    ("rotation", "seen_corners"),
    [
        ((90, False, False), "bwwr"),
        ((180, False, False), "wwrb"),
        ((270, False, False), "wrbw"),
        ((0, True, False), "brww"),
        ((0, False, True), "wwbr"),
        ((90, True, False), None),
        ((90, False, True), None),
    ],
)
def test_a_turned_film_is_written_upright(
    tmp_path: Path, rotation: tuple[float, bool, bool], seen_corners: str | None
) -> None:
    video = a_film(tmp_path / "film.mp4", rotation=rotation)
    upright = first_of(enhanced(video))
    assert corners(upright) == corners(first_of(video)) == (seen_corners or corners(upright))
    assert upright.size == (DOUBLE[::-1] if rotation[0] in (90, 270) else DOUBLE)


def test_wide_pixels_become_square_ones(tmp_path: Path) -> None:
    out = enhanced(a_film(tmp_path / "film.mp4", shape=Fraction(4, 3)))
    assert first_of(out).size == (426, 192)
    assert corners(first_of(out)) == "rbww"


def test_a_transparent_film_is_shown_on_white(tmp_path: Path) -> None:
    out = enhanced(a_film(tmp_path / "film.mov", "qtrle", pix_fmt="argb"))
    assert corners(first_of(out)) == "rbww"


def test_frames_keep_their_irregular_times(tmp_path: Path) -> None:
    times = [0, 40, 90, 250, 300, 1000]
    video = a_crossing(tmp_path / "film.mp4", frames=6, times=times)
    for encoding in ("h264-high", "vp9-good"):
        found = times_of(enhanced(video, encoding=encoding))
        assert found == pytest.approx([one / 1000 for one in times], abs=0.002)


@pytest.mark.parametrize("encoding", ["h264-high", "h265-main", "prores-422-hq", "av1-8-bit"])
def test_the_rate_of_cinema_is_kept_exactly(tmp_path: Path, encoding: str) -> None:
    rate = Fraction(24_000, 1_001)
    film = film_of(enhanced(a_crossing(tmp_path / "film.mp4", rate=rate), encoding=encoding))
    assert film.video["rate"] == rate
    assert film.seconds == pytest.approx(12 / rate, abs=0.001)


def test_a_film_of_odd_sides_gets_even_ones(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mov", "png", size=(101, 75), pix_fmt="rgb24")
    film = film_of(enhanced(video, factor=1.5))
    assert film.video["size"] == (152, 112)
    assert psnr(film.frames[0], larger(a_disc(0, (101, 75)), (152, 112))) > 28


def test_a_film_of_one_frame_stays_one(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=1, rate=10)
    treatment = FrameTreatment(deinterlace=True, deblock=0.5, denoise=0.5, detail=0.5, sharpen=0.5)
    film = film_of(enhanced(video, treatment=treatment))
    assert len(film.frames) == 1
    assert film.seconds == pytest.approx(0.1, abs=0.01)


def test_another_shape_is_cut_or_gets_a_border(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=2)
    bordered = film_of(enhanced(video, width=200, height=200)).frames[0]
    assert bordered.shape[:2] == (200, 200)
    assert bordered[:20].max() < 8
    assert bordered[100].max() > 100
    cut = film_of(enhanced(video, width=200, height=200, crops=True)).frames[0]
    assert cut.shape[:2] == (200, 200)
    assert cut[:20].mean() > 30


def test_one_side_decides_the_other(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=1)
    assert film_of(enhanced(video, width=200)).video["size"] == (200, 120)
    assert film_of(enhanced(video, height=240)).video["size"] == (400, 240)


def roughness(frame: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    """The noise in the upper part of a frame, where nothing but a gradient is."""
    part = frame[4:24, :, 1]
    return float(np.std(part - part.mean(axis=1, keepdims=True)))


def test_noise_is_taken_away_and_grain_added(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", noise=9)
    rough = roughness(film_of(enhanced(video, factor=1.0)).frames[6])
    clean = enhanced(video, factor=1.0, treatment=FrameTreatment(denoise=0.8, deblock=0.5))
    assert roughness(film_of(clean).frames[6]) < 0.7 * rough
    video = a_crossing(tmp_path / "film.mp4")
    grain = FrameTreatment(grain=0.05, grain_size=2)
    for encoding in ("h264-high", "prores-422-hq"):
        plain = roughness(film_of(enhanced(video, factor=1.0, encoding=encoding)).frames[6])
        grainy = enhanced(video, factor=1.0, treatment=grain, encoding=encoding)
        assert roughness(film_of(grainy).frames[6]) > plain + 4


def test_edges_are_sharpened_and_softened(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=3)

    def steepest(treatment: FrameTreatment) -> float:
        frame = film_of(enhanced(video, treatment=treatment)).frames[1][..., 1]
        return float(np.abs(np.diff(frame, axis=1)).max())

    soft, sharp = FrameTreatment(blur=1.5), FrameTreatment(sharpen=0.8, detail=0.5)
    assert steepest(soft) < steepest(FrameTreatment()) < steepest(sharp)


def test_the_same_enhancement_makes_the_same_bytes(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", sound="aac")
    treatment = FrameTreatment(deinterlace=True, denoise=0.3, sharpen=0.3, grain=0.02)
    for encoding in ("h264-high", "h265-main", "av1-8-bit"):
        one = enhanced(video, encoding=encoding, treatment=treatment).read_bytes()
        assert enhanced(video, encoding=encoding, treatment=treatment).read_bytes() == one


@pytest.mark.parametrize(
    ("encoding", "transfer", "white"),
    [("hdr10", 16, 0.65), ("hlg", 18, 0.88), ("hdr_prores 422 HQ", 16, 0.65)],
)
def test_a_high_dynamic_range_is_tagged_and_white_is_brighter_than_that_of_paper(
    tmp_path: Path, encoding: str, transfer: int, white: float
) -> None:
    out = enhanced(a_film(tmp_path / "film.mp4"), encoding=encoding)
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
        tags = (frame.color_primaries, frame.color_trc, int(frame.colorspace))
        assert tags == (9, transfer, 9)
        lightness = np.frombuffer(memoryview(frame.planes[0]), dtype=np.uint16)
        found = (float(np.median(lightness)) - 64) / (940 - 64)
    assert found == pytest.approx(white, abs=0.03)


def test_a_wide_gamut_is_kept(tmp_path: Path) -> None:
    video = enhanced(a_film(tmp_path / "film.mp4"), encoding="hlg")
    out = enhanced(video.rename(tmp_path / "hlg.mp4"), encoding="h265-main10")
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
        assert (frame.color_primaries, frame.color_trc, int(frame.colorspace)) == (9, 18, 9)


def test_progress_previews_and_a_still_are_shown(tmp_path: Path) -> None:
    reporter = ReporterLog()
    video = a_crossing(tmp_path / "film.mp4", frames=24)
    still = tmp_path / "still.jpg"
    enhance_video(
        VideoEnhancement(
            video=str(video),
            out=str(tmp_path / "out.mov"),
            still=str(still),
            model="a/b",
            encoding="prores-422-lt",
        ),
        reporter,
    )
    assert reporter.fractions == [number / 24 for number in range(0, 24, 4)]
    assert len(reporter.previews) == 4
    assert still.read_bytes().startswith(b"\xff\xd8")


def test_a_codec_without_an_encoder_is_refused_with_those_that_there_are() -> None:
    encodings = {**ENCODINGS, "h266": Encoding(codec="libnone", pix_fmt="yuv420p")}
    with pytest.raises(
        EngineError, match=r"no encoder for h266; it can write h264-high, .*hlg.*\.$"
    ):
        writable("h266", encodings)


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_result_larger_than_a_file_may_be_is_refused_with_a_sentence(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", noise=20)
    with (
        files_of_at_most(20_000),
        pytest.raises(EngineError, match="larger file than one job may write; ask for"),
    ):
        enhanced(video, encoding="prores-422-hq")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_film_cut_short_is_refused_with_the_verdict_of_every_input(
    tmp_path: Path, part: float
) -> None:
    video = a_crossing(tmp_path / "film.mp4")
    content = video.read_bytes()
    video.write_bytes(content[: math.floor(len(content) * part)])
    with pytest.raises(EngineError, match=r"input video .*\.$"):
        enhanced(video)


def test_a_full_disk_is_no_verdict_on_the_input(tmp_path: Path) -> None:
    video = a_crossing(tmp_path / "film.mp4", frames=24, noise=20)
    (tmp_path / "enhanced.mov").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        enhanced(video, encoding="prores-422-hq")
