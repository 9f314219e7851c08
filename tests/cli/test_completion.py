"""Completion in shells, and installations without the server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ringback
from ringback.cli.program import COMMANDS
from tests.cli.inside import Inside

_BARE = """
import json, sys
for name in (
    "apsw", "cryptography", "dns", "httptools", "jsonschema_rs", "numpy", "PIL", "starlette",
    "structlog", "uvicorn", "uvloop",
):
    sys.modules[name] = None
from ringback.cli.program import run
commands = json.loads(sys.argv[1])
print(json.dumps([run(arguments) for arguments in commands]), file=sys.stderr)
"""


_IN_BASH = """
eval "$(ringback completion bash)"
complete_line() {
  COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=()
  _ringback_completion ringback; echo "${COMPREPLY[*]}"
}
complete_line ringback ge
complete_line ringback jobs w
complete_line ringback completion z
complete_line ringback generate --kind v
"""


def test_bash_completes_commands_options_and_values(on_path: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    done = subprocess.run(
        ["bash", "-c", _IN_BASH],
        env={**os.environ, "PATH": on_path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["generate", "watch", "zsh", "video"]


@pytest.mark.parametrize(("shell", "check"), [("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])])
def test_other_shells_get_a_script_of_theirs(
    inside: Inside, tmp_path: Path, shell: str, check: list[str]
) -> None:
    script = inside("completion", shell).out
    assert "_RINGBACK_COMPLETE" in script
    if shutil.which(shell) is not None:
        (tmp_path / "script").write_text(script, "utf-8")
        subprocess.run([*check, str(tmp_path / "script")], check=True)


def test_a_shell_that_is_not_known_is_wrong_usage(inside: Inside) -> None:
    assert "bash" in inside("completion", "tcsh", status=2).err


def bare(directory: Path, commands: list[list[str]]) -> list[int]:
    """Return how commands end in an installation without the server's dependencies."""
    environment = {**os.environ, "PYTHONPATH": str(Path(ringback.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", _BARE, json.dumps(commands)],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (directory / "errors").write_text(done.stderr, "utf-8")
    statuses: list[int] = json.loads(done.stderr.splitlines()[-1])
    return statuses


def test_a_server_command_names_the_package_to_install(tmp_path: Path) -> None:
    (tmp_path / ".ringback").mkdir()
    (tmp_path / ".ringback/ringback.db").touch()
    commands = [
        ["dev"],
        ["serve"],
        ["keys", "list"],
        ["deliveries", "list"],
        ["ledger"],
    ]
    assert bare(tmp_path, commands) == [1] * len(commands)
    errors = (tmp_path / "errors").read_text("utf-8")
    assert errors.count("pip install 'ringback[server]'") == len(commands)


@pytest.mark.usefixtures("ringback_server")
def test_a_clients_commands_work_without_the_server(tmp_path: Path) -> None:
    commands = [
        ["generate", "a fox", "--model", "ringback/null", "-o", "fox.png", "--json"],
        ["jobs", "list"],
        ["models", "show", "ringback/null"],
        ["trigger", "job.completed", "--dry-run"],
        ["trigger", "endpoint.failing", "--dry-run"],
        ["listen", "--once"],
        ["lab", "clock"],
        ["completion", "fish"],
        *([name, "--help"] for name in COMMANDS),
    ]
    assert bare(tmp_path, commands) == [0] * len(commands)
    assert (tmp_path / "fox.png").exists()
