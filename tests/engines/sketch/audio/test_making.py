"""A recording is made in its process: whose voice it is, and texts that nobody can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringback.engines.sketch.audio.maker import recording_of
from ringback.engines.sketch.audio.making import make
from ringback.errors import EngineError
from tests.clips import ReporterLog
from tests.engines.sketch.audio.test_speech import a_program
from tests.sounds import heard, seconds_of


def speech(folder: Path, text: str, *, program: str | None = None) -> str:
    """Make a speech in a folder, and return the note about it."""
    recording = recording_of(
        {"prompt": text}, model="elevenlabs/tts", folder=folder, program=program
    )
    make(recording, ReporterLog())
    return Path(recording.note).read_text("utf-8")


def test_the_program_speaks_where_there_is_one(tmp_path: Path) -> None:
    text = "Hello there."
    assert speech(tmp_path, text, program=a_program(tmp_path)) == (
        "The voice is espeak-ng, not the model."
    )
    # The test's program makes a tenth of a second of each letter; a pause is before and after it.
    assert seconds_of(heard((tmp_path / "sound.mp3").read_bytes())) == pytest.approx(
        len(text) / 10 + 0.24, abs=0.1
    )


@pytest.mark.parametrize("program", [None, "/nowhere/espeak-ng", "/bin/false"])
def test_without_a_working_program_ringback_speaks_itself(
    tmp_path: Path, program: str | None
) -> None:
    assert speech(tmp_path, "Hello there.", program=program).startswith(
        "The voice is Ringback's own simple one"
    )
    assert seconds_of(heard((tmp_path / "sound.mp3").read_bytes())) > 0.5


@pytest.mark.parametrize("text", ["***", " \n", "?!"])
def test_a_text_without_words_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(EngineError, match="no words to speak; write some"):
        speech(tmp_path, text)
