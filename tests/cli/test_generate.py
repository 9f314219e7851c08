"""``ringback generate``: from a prompt to a picture."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from ringback.testing.emulator import Emulator
from ringback.testing.inbox import WebhookInbox
from ringback.testing.lab import Lab
from tests.cli.inside import Inside
from tests.cli.program import Program

NULL = ("--model", "ringback/null")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("ringback_server")
def test_the_result_is_saved_under_the_name_that_is_given(inside: Inside, directory: Path) -> None:
    done = inside("generate", "a red fox in snow", *NULL, "-o", "new/fox.png")
    assert done.out == "new/fox.png\n"
    assert (directory / "new/fox.png").read_bytes().startswith(PNG)
    assert [path.name for path in (directory / "new").iterdir()] == ["fox.png"]
    # It is as open to others as any new file: the umask decides.
    (directory / "plain").touch()
    mode = (directory / "plain").stat().st_mode
    assert (directory / "new/fox.png").stat().st_mode == mode


@pytest.mark.usefixtures("ringback_server")
def test_a_sound_is_saved_as_an_mp3(inside: Inside, directory: Path) -> None:
    model = ("--kind", "audio", "-m", "elevenlabs/tts")
    inside("generate", "Hello there.", *model, "-o", "hello.mp3")
    assert (directory / "hello.mp3").read_bytes().startswith(b"ID3")
    assert "elevenlabs/music-v2.5" in inside("models", "list", "--kind", "audio").out


@pytest.mark.usefixtures("ringback_server")
def test_a_directory_gets_files_named_after_the_job(inside: Inside, directory: Path) -> None:
    done = inside("generate", "a fox", *NULL, "-o", f"pictures{os.sep}", "--json")
    job = done.document
    (path,) = (directory / "pictures").iterdir()
    assert job["saved"] == [str(Path("pictures") / path.name)]
    assert path.name.startswith(job["job_id"])
    assert job["status"] == "completed"
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z", job["completed_at"])


def test_without_a_place_the_addresses_are_printed(
    ringback_server: Emulator, inside: Inside
) -> None:
    done = inside("generate", "a fox", *NULL)
    assert done.out.startswith(f"{ringback_server.url}/artifacts/")
    assert "\x1b" not in done.out + done.err


def test_the_webhook_is_called(
    ringback_server: Emulator, webhook_inbox: WebhookInbox, inside: Inside
) -> None:
    job = inside("generate", "a fox", *NULL, "--webhook", webhook_inbox.url, "--json").document
    assert webhook_inbox.wait(job_id=job["job_id"]).is_genuine


@pytest.mark.usefixtures("ringback_server")
def test_without_waiting_the_job_is_printed_at_once(inside: Inside) -> None:
    done = inside("generate", "a fox", "-m", "image/ringback/null", "--no-wait")
    assert re.fullmatch(r"[0-9a-f-]{36}\n", done.out)
    assert "ringback jobs watch" in done.err
    assert inside("jobs", "show", done.out.strip(), "--json").document["model"] == "ringback/null"


@pytest.mark.usefixtures("ringback_server")
def test_the_server_refuses_parameters_that_the_model_lacks(inside: Inside) -> None:
    model = ("--model", "bfl/flux-1-dev")
    done = inside("generate", "a fox", *model, "--width", "3", "--widht", "600", status=1)
    assert "width must be at least 512" in done.err
    assert "did you mean width?" in done.err
    assert "ringback models show image/bfl/flux-1-dev" in done.err
    assert done.out == ""
    wrong = inside("generate", "a fox", *model, "--width", "many", status=2)
    assert "--width takes a number" in wrong.err
    unknown = inside("generate", "a fox", "--model", "bfl/flux-1-dve", status=4)
    assert "bfl/flux-1-dev" in unknown.err


@pytest.mark.usefixtures("ringback_server")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a", "fox", *NULL], "second prompt"),
        (["a fox", "--prompt", "a wolf", *NULL], "twice"),
        (["a fox", *NULL, "--input", "[1]"], "JSON object"),
        (["a fox", *NULL, "--input", "{"], "no JSON"),
        (["a fox", *NULL, "--input", "@nowhere.json"], "cannot be read"),
        (["a fox"], "--model"),
        (["a fox", "--model", "../../keys"], "no model's id"),
    ],
)
def test_wrong_usage_fails_before_anything_is_submitted(
    inside: Inside, arguments: list[str], says: str
) -> None:
    assert says in inside("generate", *arguments, status=2).err
    assert inside("jobs", "list", "--json").document == []


@pytest.mark.usefixtures("ringback_server")
def test_more_input_comes_as_json(
    inside: Inside, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "in.json").write_text('{"prompt": "a fox"}', "utf-8")
    inside("generate", *NULL, "--input", "@in.json")
    inside("generate", *NULL, "--input", '{"prompt": "a wolf"}', "--prompt", "a fox")
    for text, arguments in (("a fox\n", ["-"]), ('{"prompt": "a fox"}', ["--input", "-"])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        inside("generate", *arguments, *NULL)
    assert len(inside("jobs", "list", "--json").document) == 4


def test_a_job_that_fails_ends_with_status_3(
    ringback_server: Emulator, ringback_lab: Lab, inside: Inside
) -> None:
    ringback_lab.every_job("job=fail")
    done = inside("generate", "a fox", *NULL, "-o", "fox.png", status=3)
    assert re.match(r"Job \S+ failed: .+\n", done.err)
    assert done.out == ""
    assert not Path("fox.png").exists()
    assert inside("generate", "a fox", *NULL, "--json", status=3).document["status"] == "failed"


def test_a_wait_that_is_over_ends_with_status_7(
    ringback_server: Emulator, ringback_lab: Lab, inside: Inside
) -> None:
    ringback_lab.every_job("stuck=processing")
    done = inside("generate", "a fox", *NULL, "--timeout", "0.2", status=7)
    assert "ringback jobs watch" in done.err


def test_an_unwritable_output_is_an_error(
    ringback_server: Emulator, inside: Inside, directory: Path
) -> None:
    (directory / "file").write_text("")
    done = inside("generate", "a fox", *NULL, "-o", "file/fox.png", status=1)
    assert "file" in done.err


def test_interrupting_ends_the_waiting_and_says_how_the_job_goes_on(
    ringback_server: Emulator, ringback_lab: Lab, ringback: Program, inside: Inside
) -> None:
    ringback_lab.every_job("stuck=processing")
    waiting = ringback.start("generate", "a fox", *NULL, **ringback_server.environment)
    jobs: list[Any] = []
    while not jobs:
        assert waiting.process.poll() is None
        jobs = inside("jobs", "list", "--json").document
    job_id = jobs[0]["job_id"]
    # It may not have its answer yet: then it does not know the job's id.
    waiting.process.send_signal(signal.SIGINT)
    _, error = waiting.process.communicate(timeout=30)
    assert waiting.process.returncode == 130
    assert f"ringback jobs watch {job_id}" in error or "ringback jobs list" in error
    assert "Traceback" not in error
    assert inside("jobs", "show", job_id, "--json").document["status"] != "cancelled"
    assert f"{job_id} is cancelled" in inside("jobs", "cancel", job_id).err


def on_a_terminal(directory: Path, *arguments: str, **environment: str) -> str:
    """Return a command's output on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ringback", *arguments],
        cwd=directory,
        env={**os.environ, **environment},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = bytearray()
    while select.select([master], [], [], 30)[0]:
        try:
            chunk = os.read(master, 65_536)
        except OSError:  # Linux says so at the end
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    assert process.wait(timeout=30) == 0, shown
    return shown.decode()


@pytest.mark.usefixtures("ringback_server")
def test_a_terminal_gets_a_bar_and_the_picture(directory: Path) -> None:
    kitty = {"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1", "TMUX": "", "STY": "", "ZELLIJ": ""}
    command = ("generate", "a red fox", "--model", "bfl/flux-1-dev", "--width", "512")
    shown = on_a_terminal(directory, *command, "--height", "512", "-o", "fox.png", **kitty)
    assert "░" in shown
    sent = "".join(re.findall(r"\x1b_G[^;]*;([^\x1b]*)\x1b\\", shown))
    assert b64decode(sent) == (directory / "fox.png").read_bytes()
    # None where it would be noise: asked not to, for programs, in a multiplexer, or unknown.
    for more, environment in (
        (("--show", "none"), kitty),
        (("--json",), kitty),
        ((), {**kitty, "TMUX": "/tmp/tmux,1,0"}),
        ((), {"TERM": "xterm-256color", "KITTY_WINDOW_ID": "", "TERM_PROGRAM": ""}),
    ):
        assert "\x1b_G" not in on_a_terminal(
            directory, "generate", "a fox", *NULL, *more, **environment
        )
    forced = on_a_terminal(directory, "generate", "a fox", *NULL, "--show", "iterm2", TERM="xterm")
    assert "\x1b]1337;File=" in forced


@pytest.mark.usefixtures("ringback_server")
def test_a_bar_without_colours_is_of_plain_letters(directory: Path) -> None:
    plain = on_a_terminal(directory, "generate", "a fox", *NULL, NO_COLOR="1", TERM="xterm")
    assert "░" not in plain
    assert "-----" in plain
    assert "\x1b" not in plain
    assert json.dumps(plain).isascii()
