"""Films and sounds arrive as players show them, or are refused by a sentence with the reason."""

from __future__ import annotations

import base64
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import AudioStream, VideoStream
from PIL import Image

from ringback.engines.sketch.motion.audio_input import decode_audio
from ringback.engines.sketch.motion.footage import Footage, first_of, last_of, seconds_of
from ringback.engines.sketch.motion.sound import RATE
from ringback.errors import EngineError
from ringback.files.media.parsing import parse
from tests.clips import made

_CORNER = 40

# 0.2 s of 440 Hz, as SoX 14.4.2 writes it (``-e gsm``), for which PyAV has no encoder.
_GSM = base64.b64decode("""
UklGRnoBAABXQVZFZm10IBQAAAAxAAEAQB8AAFkGAABBAAAAAgBAAWZhY3QEAAAAQAYAAGRhdGFGAQAACK6hGoXC
+BZCe9KKgu8cy2kkd2VqRHovYZtGaABtZtuI2D3uUXggQCrzh/DsIpjMZzCbNhuU+VRWMzcV1DOYTUGI3eMaZRNh
NpX1VeQ2wQtmU5m9HaBrJ1cbZ9uAEllKq4ncHapRbg34M5m9aW4DyG1bSYluA1huK7fQ7QlmMyK7jUjd4x6lfWFi
q6hvYhtCvJfQnmRboaYksVyUHMGSSG5aieAdqlG3HITQpbSxzAJUUxlNhvAGOqntpC7wEshSWk1liN3jHrXeoK5E
V9hf20FI3SWreRMhmE9gNmMzQbOZ0GaC2B2uUdsDShJya063B7i21HI3yQUYt5LqT7YNKNGlwrbIzaEalbRAtCet
7eI2wK4ktlPoNsCV1HaR79ZgEe0ltIfUPe5R7BMo0VVmE7Yj1FdRzUm2D3xqUT8ByRe2kZvW0gA=
""")


def add_sound(container: av.container.OutputContainer, codec: str, *, rate: int) -> AudioStream:
    stream = container.add_stream(codec, rate=rate, layout="mono")
    assert isinstance(stream, AudioStream)
    return stream


def a_sound(path: Path, codec: str, *, rate: int = 48_000, seconds: float = 0.5) -> Path:
    """A tone of 440 Hz in that codec."""
    with av.open(str(path), "w") as container:
        stream = add_sound(container, codec, rate=rate)
        encode_tone(container, stream, rate=rate, seconds=seconds)
    return path


def encode_tone(
    container: av.container.OutputContainer, stream: AudioStream, *, rate: int, seconds: float
) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate) * 12_000
    frame = av.AudioFrame.from_ndarray(tone.astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    fifo = av.AudioFifo()
    fifo.write(frame)
    size = stream.codec_context.frame_size or 1_024
    while (part := fifo.read(size, partial=True)) is not None:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *(("mp4", codec) for codec in ("aac", "alac", "ac3", "eac3", "mp2", "flac", "libopus")),
        *(("mov", codec) for codec in ("adpcm_ima_qt", "alac", "pcm_s24be", "pcm_alaw")),
        *(("wav", codec) for codec in ("adpcm_ms", "adpcm_ima_wav", "adpcm_g722", "pcm_u8")),
        *(("wav", codec) for codec in ("pcm_mulaw", "pcm_f32le", "pcm_s24le", "ac3")),
        ("webm", "libopus"),
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
        ("ogg", "libopus"),
        ("ogg", "flac"),
    ],
)
def test_a_sound_of_every_codec_is_heard(tmp_path: Path, suffix: str, codec: str) -> None:
    rate = 16_000 if codec == "adpcm_g722" else 48_000
    path = a_sound(tmp_path / f"tone.{suffix}", codec, rate=rate)
    assert parse(path.read_bytes()).facts.duration_s == pytest.approx(0.5, abs=0.08)
    assert pitch_of(path) == pytest.approx(440, abs=10)


def test_a_sound_of_a_telephone_is_heard(tmp_path: Path) -> None:
    (tmp_path / "gsm.wav").write_bytes(_GSM)
    assert pitch_of(tmp_path / "gsm.wav") == pytest.approx(440, abs=10)


def pitch_of(path: Path) -> float:
    sound = decode_audio(path, seconds=0.6)
    assert sound is not None
    middle = sound[0, RATE // 20 : RATE // 20 + RATE // 10]
    assert np.abs(middle).max() > 0.2
    return float(np.fft.rfftfreq(middle.size, 1 / RATE)[np.abs(np.fft.rfft(middle)).argmax()])


@pytest.mark.parametrize(
    ("suffix", "codec", "tag", "named"),
    [
        ("mp4", "alac", (b"alac", b"zzz7"), "zzz7"),
        ("wav", "pcm_s16le", (b"fmt \x10\0\0\0\x01\0", b"fmt \x10\0\0\0\x34\x12"), "0x1234"),
        ("webm", "libopus", (b"A_OPUS", b"A_ODES"), "A_ODES"),
    ],
)
def test_a_sound_that_cannot_be_decoded_is_not_silence(
    tmp_path: Path, suffix: str, codec: str, tag: tuple[bytes, bytes], named: str
) -> None:
    path = a_sound(tmp_path / f"tone.{suffix}", codec)
    content = path.read_bytes()
    assert tag[0] in content
    path.write_bytes(content.replace(*tag))
    with pytest.raises(EngineError, match=rf"coded as .*{named}.*cannot be decoded; send it as"):
        decode_audio(path, seconds=0.5)


def test_an_edited_film_keeps_a_sound_of_any_codec(tmp_path: Path) -> None:
    path = a_film(tmp_path / "film.mp4", sound="ac3")
    assert made(tmp_path, "at night", edited=str(path), frames=6).audio is not None


def test_a_broken_packet_does_not_silence_a_sound(tmp_path: Path) -> None:
    path = a_sound(tmp_path / "tone.mp4", "ac3", seconds=1.0)
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 4
    content[at : at + 8] = bytes(8)
    path.write_bytes(bytes(content))
    assert pitch_of(path) == pytest.approx(440, abs=10)


def a_film(
    path: Path,
    codec: str = "libx264",
    *,
    pix_fmt: str = "yuv420p",
    shape: Fraction | None = None,
    rotation: tuple[float, bool, bool] | None = None,
    sound: str | None = None,
    size: tuple[int, int] = (160, 96),
    **options: str,
) -> Path:
    """A second of white with a red corner at the top left and a blue one at the top right."""
    pixels = np.full((size[1], size[0], 3), 255, dtype=np.uint8)
    pixels[:_CORNER, :_CORNER], pixels[:_CORNER, -_CORNER:] = (255, 0, 0), (0, 0, 255)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=12)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
            stream.sample_aspect_ratio = shape
        if rotation is not None:
            degrees, hflip, vflip = rotation
            stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)
        heard = None if sound is None else add_sound(container, sound, rate=48_000)
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 12)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard is not None:
            encode_tone(container, heard, rate=48_000, seconds=1.0)
    return path


def corners(image: Image.Image) -> str:
    """The colours of the corners, clockwise from the top left: r, b or w."""
    across, down = image.width - 8, image.height - 8
    found = ""
    for at in ((7, 7), (across, 7), (across, down), (7, down)):
        pixel = image.getpixel(at)
        assert isinstance(pixel, tuple)
        red, green, blue = pixel
        found += "w" if green > 150 else "r" if red > blue else "b"
    return found


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        *(("mp4", codec, "yuv420p") for codec in ("libx264", "libx265", "mpeg4", "mpeg2video")),
        *(("mov", codec, "rgb24") for codec in ("png", "qtrle", "rawvideo", "cinepak")),
        *(("webm", codec, "yuv420p") for codec in ("libvpx", "libvpx-vp9")),
        ("mov", "mjpeg", "yuvj420p"),
        ("mov", "svq1", "yuv410p"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("mov", "jpeg2000", "yuv444p"),
        ("mov", "qtrle", "argb"),
    ],
)
def test_a_film_of_every_codec_is_seen(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    path = a_film(tmp_path / f"film.{suffix}", codec, pix_fmt=pix_fmt)
    facts = parse(path.read_bytes()).facts
    assert (facts.width, facts.height) == first_of(path).size == (160, 96)
    assert facts.duration_s == pytest.approx(1.0, abs=0.1)
    assert seconds_of(path) == pytest.approx(1.0, abs=0.01)
    assert corners(first_of(path)) == corners(last_of(path)) == "rbww"


@pytest.mark.parametrize(
    ("rotation", "seen"),
    [
        ((0, False, False), "rbww"),
        ((90, False, False), "bwwr"),
        ((180, False, False), "wwrb"),
        ((270, False, False), "wrbw"),
        ((0, True, False), "brww"),
        ((0, False, True), "wwbr"),
        ((90, True, False), None),
        ((90, False, True), None),
    ],
)
def test_a_film_is_turned_and_mirrored_by_its_matrix(
    tmp_path: Path, rotation: tuple[float, bool, bool], seen: str | None
) -> None:
    path = a_film(tmp_path / "film.mp4", rotation=rotation)
    image = first_of(path)
    facts = parse(path.read_bytes()).facts
    assert (facts.width, facts.height) == image.size
    assert image.size == ((96, 160) if rotation[0] in (90, 270) else (160, 96))
    assert corners(image) == (seen or corners(image))
    assert corners(Footage(path, image.size).at(0.5)) == corners(image)


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_a_film_of_wide_pixels_is_as_wide_as_players_show_it(tmp_path: Path, suffix: str) -> None:
    path = a_film(tmp_path / f"film.{suffix}", shape=Fraction(4, 3))
    facts = parse(path.read_bytes()).facts
    assert first_of(path).size == (facts.width, facts.height) == (213, 96)
    assert corners(first_of(path)) == "rbww"


def test_a_film_lasts_as_long_as_its_frames_whatever_its_header_says(tmp_path: Path) -> None:
    live = a_film(tmp_path / "live.webm", "libvpx", live="1")
    fragments = a_film(
        tmp_path / "fragments.mp4", movflags="frag_keyframe+empty_moov+default_base_moof"
    )
    for path in (live, fragments):
        assert seconds_of(path) == pytest.approx(1.0, abs=0.01)
        assert len(made(tmp_path, "noir", edited=str(path), has_duration=False).frames) == 24


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_a_trailer_behind_a_film_is_dropped(tmp_path: Path, suffix: str) -> None:
    path = a_film(tmp_path / f"film.{suffix}", "libvpx" if suffix == "webm" else "libx264")
    path.write_bytes(path.read_bytes() + b"junk junk junk")
    assert corners(last_of(path)) == "rbww"
