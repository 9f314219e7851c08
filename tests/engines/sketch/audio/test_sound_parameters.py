"""Requests for sounds, read into recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringback.engines.sketch.audio.maker import recording_of
from ringback.engines.sketch.audio.recording import Recording

SEED_AUDIO = "bytedance/seed-audio-1.0"
TTS = "elevenlabs/tts"
MUSIC = "elevenlabs/music-v2.5"


def recording(model: str, prompt: str, **fields: Any) -> Recording:
    inputs = {"prompt": prompt, **fields}
    return recording_of(inputs, model=model, folder=Path("/x"), program=None)


@pytest.mark.parametrize(
    ("model", "prompt", "sort", "text"),
    [
        (TTS, 'Play "music" in the rain', "speech", 'Play "music" in the rain'),
        (MUSIC, 'He says "no"', "music", 'He says "no"'),
        (SEED_AUDIO, 'A man says "Good morning" and "hello"', "speech", "Good morning. hello"),
        (SEED_AUDIO, "“Selamat pagi”", "speech", "Selamat pagi"),
        (SEED_AUDIO, "a narrator talks of rain", "speech", "a narrator talks of rain"),
        (SEED_AUDIO, "a jazz piano", "music", "a jazz piano"),
        (SEED_AUDIO, "rain in a forest", "scene", "rain in a forest"),
        (SEED_AUDIO, "", "scene", ""),
    ],
)
def test_the_model_or_else_the_prompt_says_the_sort(
    model: str, prompt: str, sort: str, text: str
) -> None:
    found = recording(model, prompt)
    assert (found.sort, found.text) == (sort, text)


@pytest.mark.parametrize(
    ("model", "prompt", "fields", "seconds"),
    [
        (MUSIC, "x", {"music_length_ms": 3_000}, 3.0),
        (MUSIC, "2 minutes of rock", {"music_length_ms": 4_500}, 4.5),
        (MUSIC, "2 minutes of rock", {}, 120.0),
        (MUSIC, "a 15-second jingle", {}, 15.0),
        (MUSIC, "lagu 20 detik", {}, 20.0),
        (MUSIC, "9999 minutes", {}, 600.0),
        (MUSIC, "rock", {}, 30.0),
        (SEED_AUDIO, "rain for 10 minutes", {}, 60.0),
        (SEED_AUDIO, "rain", {}, 10.0),
    ],
)
def test_the_length_is_the_requested_or_the_prompts(
    model: str, prompt: str, fields: dict[str, Any], seconds: float
) -> None:
    assert recording(model, prompt, **fields).seconds == seconds


def test_a_prompt_has_its_own_seed_unless_one_is_given() -> None:
    assert recording(MUSIC, "a").seed == recording(MUSIC, "a").seed != recording(MUSIC, "b").seed
    assert recording(MUSIC, "a", seed=7).seed == 7


def test_an_instrumental_has_no_voice() -> None:
    assert recording(MUSIC, "a").has_voice
    assert not recording(MUSIC, "a", force_instrumental=True).has_voice
