"""Videos as inputs: continued, led to, edited; hostile ones refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from ringback.engines.sketch.motion.footage import (
    Footage,
    check_cost,
    first_of,
    last_of,
    seconds_of,
)
from ringback.errors import EngineError
from tests.clips import apart, made, seen


def a_video(
    path: Path, *, codec: str = "libx264", size: tuple[int, int] = (160, 96), frames: int = 24
) -> str:
    """Return a video that changes from black to red."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
            pixels[..., 0] = 20 + 220 * number // max(1, frames - 1)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


def test_a_clip_continues_a_video_and_leads_to_another(tmp_path: Path) -> None:
    video = a_video(tmp_path / "red.mp4")
    film = made(tmp_path, "a desert", start_video=video, end_video=video, frames=30)
    assert film.frames[0][..., 0].mean() > 200
    assert film.frames[-1][..., 0].mean() < 45


def test_an_edited_video_keeps_its_duration(tmp_path: Path) -> None:
    video = a_video(tmp_path / "red.mp4", frames=20)
    film = made(tmp_path, "black and white", edited=video, has_duration=False, frames=90)
    assert len(film.frames) == 20
    last = film.frames[-1]
    assert np.abs(last[..., 0] - last[..., 1]).mean() < 4
    assert last.mean() > film.frames[0].mean() + 30


@pytest.mark.parametrize("style", ["at night in the snow", "a pencil sketch", "a comic, vivid"])
def test_the_prompt_decides_the_look_of_an_edited_video(tmp_path: Path, style: str) -> None:
    (tmp_path / "source.mp4").write_bytes(made(tmp_path, "a city at noon").content)
    source = seen((tmp_path / "source.mp4").read_bytes())
    film = made(tmp_path, style, edited=str(tmp_path / "source.mp4"))
    assert len(film.frames) == len(source.frames)
    assert apart(film.frames[5], source.frames[5]) > 10


def test_an_edited_video_keeps_its_sound(tmp_path: Path) -> None:
    (tmp_path / "source.mp4").write_bytes(made(tmp_path, "the sea", has_sound=True).content)
    film = made(tmp_path, "at night", edited=str(tmp_path / "source.mp4"))
    assert film.audio == {"codec": "aac", "channels": 2}


def test_webm_is_read_too(tmp_path: Path) -> None:
    path = Path(a_video(tmp_path / "red.webm", codec="libvpx-vp9"))
    assert np.asarray(first_of(path))[..., 0].mean() < 45
    assert np.asarray(last_of(path))[..., 0].mean() > 200
    assert seconds_of(path) == pytest.approx(1.0, abs=0.1)


def test_footage_plays_at_its_own_speed(tmp_path: Path) -> None:
    footage = Footage(Path(a_video(tmp_path / "red.mp4")), (80, 48))
    reds = [float(np.asarray(footage.at(at))[..., 0].mean()) for at in (0.0, 0.5, 0.5, 5.0)]
    assert reds[0] < reds[1] == reds[2] < reds[3]
    assert footage.at(9.0).size == (80, 48)


def a_playlist() -> bytes:
    return b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"


def a_concat() -> bytes:
    return b"ffconcat version 1.0\nfile /etc/passwd\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(a_playlist(), id="a playlist of files"),
        pytest.param(a_concat(), id="a list of files"),
        pytest.param(b"\x1aE\xdf\xa3" + bytes(64), id="a WebM that is none"),
        pytest.param(b"\x00\x00\x00\x18ftypmp42" + bytes(400), id="an MP4 that is none"),
        pytest.param(b"GIF89a" + bytes(30), id="a picture"),
    ],
)
def test_a_file_that_is_not_a_video_is_refused_with_one_sentence(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "video"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"input video .*\.$"):
        first_of(path)


def test_a_video_cut_short_is_refused_or_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = Path(a_video(tmp_path / "red.mp4")).read_bytes()
    for part in (0.1, 0.5, 0.9):
        path = tmp_path / "cut.mp4"
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(EngineError, match="input video"):
            last_of(path)


def test_frames_that_are_too_large_are_not_decoded(tmp_path: Path) -> None:
    path = Path(a_video(tmp_path / "large.mp4", size=(4352, 2448), frames=1))
    with pytest.raises(EngineError, match="too large; at most"):
        first_of(path)


def test_an_unsupported_codec_is_named(tmp_path: Path) -> None:
    path = Path(a_video(tmp_path / "secret.mp4"))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"drm7"))
    with pytest.raises(EngineError, match=r"coded as drm7, which cannot be decoded; send H\.264"):
        first_of(path)


def test_a_video_with_too_many_pixels_is_refused_before_decoding(tmp_path: Path) -> None:
    path = Path(a_video(tmp_path / "wide.mp4", size=(4096, 2304), frames=1))
    # The tables say one size and one duration for all samples: no byte more is needed.
    content = bytearray(path.read_bytes())
    for table, offset, count in ((b"stts", 12, 100_000), (b"stsz", 12, 100_000), (b"stsz", 8, 1)):
        at = content.index(table) + offset
        content[at : at + 4] = count.to_bytes(4)
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"too much work to decode: .* million are decoded"):
        check_cost(path, seconds=60.0)
    check_cost(Path(a_video(tmp_path / "usual.mp4")), seconds=60.0)


def test_frames_are_counted_as_they_are_decoded(tmp_path: Path) -> None:
    path = Path(a_video(tmp_path / "red.mp4", frames=24))
    assert last_of(path, pixels_max=24 * 160 * 96).size == (160, 96)
    with pytest.raises(EngineError, match="too much work to decode"):
        last_of(path, pixels_max=23 * 160 * 96)
