"""The sound of clips: synthesized for the scene, or from an input."""

from __future__ import annotations

import wave
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from ringback.engines.sketch.motion.audio_input import decode_audio
from ringback.engines.sketch.motion.sound import RATE, sound_of
from ringback.engines.sketch.reading import read
from ringback.errors import EngineError
from tests.clips import made


def sound_in(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    with av.open(BytesIO(content), "r") as container:
        parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(parts, axis=1)


def a_tone(path: Path, *, hertz: float, seconds: float) -> str:
    count = round(seconds * 22_050)
    tone = np.sin(2 * np.pi * hertz * np.arange(count) / 22_050) * 12_000
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22_050, count, "NONE", ""))
        file.writeframes(tone.astype("<i2").tobytes())
    return str(path)


def test_sound_is_aac_as_long_as_the_video(tmp_path: Path) -> None:
    film = made(tmp_path, "the sea in a storm", has_sound=True, frames=36)
    assert film.audio == {"codec": "aac", "channels": 2}
    sound = sound_in(film.content)
    assert sound.shape[1] / RATE == pytest.approx(1.5, abs=0.05)
    assert sound.std() > 0.02


@pytest.mark.parametrize(
    "prompt", ["mountains", "the sea", "forest at night", "a city in rain", "space", "somebody"]
)
def test_each_scene_has_sound_that_is_never_too_loud(prompt: str) -> None:
    sound = sound_of(read(prompt), seconds=1.0, chance=(1, 2))
    assert sound.shape == (2, RATE)
    assert 0.5 < np.abs(sound).max() <= 0.71
    assert np.isfinite(sound).all()


def test_rain_hisses_and_space_hums() -> None:
    def middle(prompt: str) -> float:
        sound = sound_of(read(prompt), seconds=1.0, chance=(1, 2))[0]
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((power * np.fft.rfftfreq(RATE, 1 / RATE)).sum() / power.sum())

    assert middle("a city in rain") > 3 * middle("a galaxy")


def test_an_input_sound_becomes_the_clips(tmp_path: Path) -> None:
    tone = a_tone(tmp_path / "tone.wav", hertz=880, seconds=0.4)
    film = made(tmp_path, sound=tone, frames=24)
    assert film.audio is not None
    sound = sound_in(film.content)[0]
    loudest = np.fft.rfftfreq(RATE // 4, 1 / RATE)[np.abs(np.fft.rfft(sound[: RATE // 4])).argmax()]
    assert loudest == pytest.approx(880, abs=8)
    assert np.abs(sound[int(0.6 * RATE) : int(0.9 * RATE)]).max() < 0.01


def test_a_clip_without_sound_has_no_audio_stream(tmp_path: Path) -> None:
    (tmp_path / "silent.mp4").write_bytes(made(tmp_path).content)
    assert decode_audio(tmp_path / "silent.mp4", seconds=1.0) is None


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00", b"<svg/>", b"\xff\xfb" + bytes(40)])
def test_a_file_that_is_not_a_sound_is_refused_with_one_sentence(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "sound"
    path.write_bytes(content)
    with pytest.raises(EngineError, match="sound cannot be read"):
        decode_audio(path, seconds=1.0)
