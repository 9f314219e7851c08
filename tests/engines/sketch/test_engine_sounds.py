"""The sketch engine's sounds, heard as a decoder plays them."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from ringback.engines.contract import EngineRequest, Made
from ringback.engines.sketch.audio.loudness import loudness, true_peak_db
from ringback.engines.sketch.engine import SketchEngine
from ringback.files.media.id3 import SHAPE, SHAPE_POINTS, texts_in
from ringback.files.media.parsing import parse
from ringback.testing import RecordingIO
from tests.patience import SOON_S
from tests.processes import children
from tests.sounds import heard, quietest_db, seconds_of, share_between

TTS = "elevenlabs/tts"
MUSIC = "elevenlabs/music-v2"
SEED_AUDIO = "bytedance/seed-audio-1.0"


def a_request(model: str, prompt: str, **fields: Any) -> EngineRequest:
    return EngineRequest(
        job_id="j",
        workspace_id="w",
        kind="audio",
        model=model,
        input={"prompt": prompt, **fields},
    )


async def made(model: str, prompt: str, **fields: Any) -> tuple[Made, bytes, RecordingIO]:
    io = RecordingIO()
    result = await SketchEngine().run(a_request(model, prompt, **fields), io)
    (name,) = result.artifacts
    assert name.endswith(".mpeg")
    return result, io.saved[name], io


@pytest.mark.parametrize(
    ("model", "prompt", "fields", "seconds"),
    [
        (TTS, "Hello there, my friend. How are you on this fine day?", {}, (2.5, 8)),
        (MUSIC, "sad piano in D minor", {"music_length_ms": 4_000}, (4, 4.1)),
        (
            MUSIC,
            "techno, 130 bpm",
            {"music_length_ms": 3_000, "force_instrumental": True},
            (3, 3.1),
        ),
        (SEED_AUDIO, "rain on leaves, 3 seconds", {}, (3, 3.1)),
        (SEED_AUDIO, "a calm song for 3 s", {}, (3, 3.1)),
    ],
)
async def test_a_sound_has_its_length_and_loudness_and_no_gaps(
    model: str, prompt: str, fields: dict[str, Any], seconds: tuple[float, float]
) -> None:
    _, content, io = await made(model, prompt, **fields)
    sound = heard(content)
    assert seconds[0] - 0.05 <= seconds_of(sound) <= seconds[1]
    assert loudness(sound) == pytest.approx(-16, abs=1)
    assert true_peak_db(sound) < -1
    assert quietest_db(sound[:, :-22_050]) > -60
    assert np.abs(sound[:, [0, -1]]).max() < 0.02
    assert io.fractions == sorted(io.fractions)
    assert io.fractions[-1] == 1.0


async def test_a_file_says_who_made_it_and_has_its_shape() -> None:
    _, content, _ = await made(MUSIC, "a calm harp", music_length_ms=3_000)
    facts = parse(content).facts
    assert facts.media_type == "audio/mpeg"
    assert facts.duration_s == pytest.approx(3, abs=0.1)
    texts = dict(texts_in(content[:65_536]))
    assert "sketch engine" in texts["software"]
    assert (texts["TLEN"], texts["description"]) == ("3000", "a calm harp")
    assert len(bytes.fromhex(texts[SHAPE])) == SHAPE_POINTS


async def test_the_same_request_makes_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = [
        (await made(MUSIC, "happy folk", music_length_ms=3_000, seed=seed))[1] for seed in (1, 1, 2)
    ]
    assert first == again
    assert first != other


async def test_different_prompts_are_heard_to_differ() -> None:
    deep = heard((await made(MUSIC, "dark cinematic drone", music_length_ms=4_000))[1])
    bright = heard((await made(MUSIC, "happy bells, dance", music_length_ms=4_000))[1])
    assert share_between(deep, 20, 250) > share_between(bright, 20, 250) + 0.1
    assert share_between(bright, 5_000, 16_000) > share_between(deep, 5_000, 16_000)


async def test_a_speech_says_who_speaks_and_music_says_nothing() -> None:
    result, _, _ = await made(TTS, "Hello.")
    (note,) = result.notes
    assert note.startswith("The voice is ")
    assert note.endswith(".")
    result, _, _ = await made(MUSIC, "rock", music_length_ms=3_000)
    assert result.notes == ()


class IOWithStart(RecordingIO):
    """It sets an event at the first progress that the process reports."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = asyncio.Event()

    async def progress(self, fraction: float) -> None:
        await super().progress(fraction)
        if len(self.fractions) > 1:  # the first is that of the slot
            self.has_begun.set()


async def test_a_cancelled_sound_ends_its_process_at_once() -> None:
    others, io = children(), IOWithStart()
    request = a_request(MUSIC, "rock", music_length_ms=600_000)
    run = asyncio.create_task(SketchEngine().run(request, io))
    await io.has_begun.wait()
    assert children() - others
    run.cancel()
    async with asyncio.timeout(SOON_S):
        with pytest.raises(asyncio.CancelledError):
            await run
    assert not children() - others
