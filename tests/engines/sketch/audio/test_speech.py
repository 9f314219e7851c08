"""Speech: phones of a text, the voice of formants, and the program that speaks."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.engines.sketch.audio import espeak
from ringback.engines.sketch.audio.formant_voice import speak
from ringback.engines.sketch.audio.phones import phones_of
from ringback.engines.sketch.audio.program import find_program
from ringback.engines.sketch.audio.voices import Voice, voice_of
from ringback.engines.sketch.audio.wave import RATE, Mono
from tests.sounds import share_between

# It writes the WAV header that espeak-ng writes to a pipe, whose lengths say nothing.
PROGRAM = """#!{python}
import json, math, struct, sys
text = sys.stdin.buffer.read()
json.dump({{"arguments": sys.argv[1:], "text": text.decode()}}, open({log!r}, "w"))
rate = 22050
sys.stdout.buffer.write(b"RIFF" + struct.pack("<I", 0x7FFFF024) + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    + b"data" + struct.pack("<I", 0x7FFFF000))
for at in range(len(text) * rate // 10):
    sys.stdout.buffer.write(struct.pack("<h", int(9000 * math.sin(at * 0.1))))
"""


def speech(text: str, voice: Voice | None = None) -> Mono:
    return speak(text, voice or Voice(), rng=np.random.default_rng(1), progress=lambda _: None)


def a_program(folder: Path, source: str = PROGRAM) -> str:
    path = folder / "speaker"
    path.write_text(source.format(python=sys.executable, log=str(folder / "log")))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_longer_text_takes_longer_and_marks_make_pauses() -> None:
    short, long = (sum(one.seconds for one in phones_of("a word " * n)) for n in (3, 30))
    assert long == pytest.approx(10 * short, rel=0.2)
    plain, marked = (sum(one.seconds for one in phones_of(t)) for t in ("so we go", "so, we. Go!"))
    assert marked > plain + 0.5


def test_a_text_is_read_about_as_fast_as_people_read() -> None:
    text = "The quick brown fox jumps over the lazy dog and runs along the river. " * 4
    words_per_minute = len(text.split()) / (len(speech(text)) / RATE) * 60
    assert 110 < words_per_minute < 220


def test_a_question_ends_higher_than_a_statement() -> None:
    question, statement = (
        [one.pitch for one in phones_of(f"you go home{t}") if one.voiced] for t in "?."
    )
    assert question[-1] > statement[-1] + 0.2


def test_digits_are_read_and_signs_are_not() -> None:
    assert len(list(phones_of("7"))) == len(list(phones_of("seven")))
    assert not any(one.voiced or one.noise for one in phones_of("*** #### ---"))


@given(st.text(max_size=200))
@settings(max_examples=60)
def test_every_text_has_phones_that_end(text: str) -> None:
    assert all(0 < one.seconds < 1 for one in phones_of(text))


def test_a_voice_sounds_as_voices_do() -> None:
    wave = speech("We owe you a yellow lamp all year long.")
    stereo = np.stack([wave, wave])
    assert share_between(stereo, 80, 1_200) > 0.7
    hissing = speech("Six sassy sisters.")
    assert share_between(np.stack([hissing, hissing]), 4_000, 10_000) > 0.02


def test_a_speech_has_no_clicks_at_its_joints() -> None:
    wave = speech("One sentence that goes on for a while. " * 8)
    assert len(wave) / RATE > 12  # so that it was made in pieces
    voiced = speech("You owe a yellow lamp. " * 8)
    assert np.abs(np.diff(voiced)).max() < 0.35 * np.abs(voiced).max()
    assert np.abs(wave[[0, -1]]).max() < 0.01


def test_voices_differ_by_their_ids_and_stay_the_same() -> None:
    voices = {voice_of(f"voice-{number}", "hello") for number in range(40)}
    assert len(voices) == 40
    assert voice_of("x", "hello") == voice_of("x", "hello")
    high, low = (
        max(share_between(np.stack([wave, wave]), low_hz, low_hz + 40) for low_hz in (160, 200))
        for wave in (speech("oh oh oh", Voice(pitch=pitch)) for pitch in (1.6, 0.8))
    )
    assert high > low


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Selamat pagi, apa kabar?", "id"),
        ("Ini adalah suara untuk anda", "id"),
        ("Good morning", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_read_from_the_text(text: str, language: str) -> None:
    assert voice_of("", text).language == language


def test_a_program_gets_the_text_on_its_input_alone(tmp_path: Path) -> None:
    text = "--help; $(reboot) [[hello]] `x`\0"
    wave = espeak.speak(a_program(tmp_path), text, Voice(), folder=tmp_path)
    assert wave is not None
    assert len(wave) == pytest.approx(len(text) / 10 * RATE, rel=0.05)
    log = (tmp_path / "log").read_text()
    assert '"text": "--help; $(reboot) [ [hello]] `x` "' in log
    arguments = log.partition('"text"')[0]
    assert "reboot" not in arguments
    assert '"-v", "en"' in arguments
    assert not (tmp_path / "speech.wav").exists()


@pytest.mark.parametrize(
    "source",
    ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nothing\n", "#!/bin/sh\nexit 0\n", "#!/nowhere\n"],
    ids=["it fails", "no sound", "no bytes", "no interpreter"],
)
def test_a_program_that_fails_gives_no_sound(tmp_path: Path, source: str) -> None:
    program = tmp_path / "speaker"
    program.write_text(source)
    program.chmod(0o755)
    assert espeak.speak(str(program), "Hello", Voice(), folder=tmp_path) is None


def test_the_programs_own_environment_has_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_MASTER_KEY", "secret")
    program = tmp_path / "speaker"
    program.write_text(f"#!/bin/sh\n/usr/bin/env > {tmp_path}/seen\nexit 1\n")
    program.chmod(0o755)
    espeak.speak(str(program), "Hello", Voice(), folder=tmp_path)
    assert "secret" not in (tmp_path / "seen").read_text()


@pytest.mark.skipif(find_program() is None, reason="espeak-ng is not installed")
def test_the_real_program_speaks(tmp_path: Path) -> None:
    program = find_program()
    assert program is not None
    voice = voice_of("any", "Hello there")
    short, long = (
        espeak.speak(program, text, voice, folder=tmp_path)
        for text in ("Hello.", "Hello there, how are you on this fine day?")
    )
    assert short is not None
    assert long is not None
    assert 0.3 < len(short) / RATE < 3
    assert len(long) > 1.8 * len(short)
    assert np.abs(long).max() > 0.1
