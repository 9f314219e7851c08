"""Every command in every broken environment ends with a sentence, and never with a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ringback.cli.console.exit_status import Status
from ringback.cli.program import COMMANDS

_LIMIT_S = 120
_ONLY_HELP = {"completion"}

# One line of each command, with arguments that are right where the environment is.
_LINES = {
    "dev": ["dev", "--port", "0"],
    "serve": ["serve", "--port", "0"],
    "worker": ["worker", "--probe-port", "0"],
    "dispatch": ["dispatch", "--probe-port", "0"],
    "generate": ["generate", "image/bfl/flux-1-dev", "--prompt", "a fox"],
    "jobs": ["jobs", "list"],
    "models": ["models", "list"],
    "models check": ["models", "check"],
    "usage": ["usage"],
    "assets": ["assets", "upload", "picture.png"],
    "styles": ["styles", "list"],
    "apps": ["apps", "push", "app.json"],
    "open": ["open", "019a0000-0000-7000-8000-000000000000"],
    "trigger": ["trigger", "job.completed", "--to", "http://127.0.0.1:9/hook"],
    "verify": ["verify", "--secret", "x"],
    "keys": ["keys", "list"],
    "keys create": ["keys", "create", "--workspace", "studio"],
    "lab": ["lab", "clock"],
    "lab check": ["lab", "check", "http://127.0.0.1:9/hook"],
    "deliveries": ["deliveries", "list"],
    "ledger": ["ledger"],
    "backup": ["backup", "copy"],
    "admin": ["admin", "stats"],
    "migrate": ["migrate", "--dry-run"],
    "listen": ["listen", "--once"],
    "doctor": ["doctor", "--port", "0"],
}

_READ_NO_SETTINGS = frozenset(
    {
        "generate", "jobs", "models", "usage", "assets", "styles", "apps", "open", "trigger",
        "verify", "lab", "lab check", "listen",
    }
)  # fmt: skip
"""Commands of clients, which are tried where something that they need is broken."""

Environment = dict[str, str | None]  # None: the variable is not set


def _no_database(folder: Path) -> Environment:
    (folder / "data").mkdir()
    (folder / "data" / "ringback.db").write_text("a letter to my aunt, " * 100, "utf-8")
    return {"RINGBACK_DATA": "data"}


def _data_is_a_file(folder: Path) -> Environment:
    (folder / "data").write_text("no folder", "utf-8")
    return {"RINGBACK_DATA": "data"}


def _folders_for_files(folder: Path) -> Environment:
    for name in ("ringback.db", "ringback.lock", "master.key"):
        (folder / "data" / name).mkdir(parents=True)
    return {"RINGBACK_DATA": "data"}


def _config(content: bytes) -> Callable[[Path], Environment]:
    def write(folder: Path) -> Environment:
        (folder / "ringback.toml").write_bytes(content)
        return {"RINGBACK_CONFIG": "ringback.toml"}

    return write


def _variables(**variables: str | None) -> Callable[[Path], Environment]:
    return lambda _folder: variables


_NOWHERE = {"RINGBACK_DATA": "/proc/nowhere/data"}
_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "RINGBACK_EGRESS_PROXY")
_BROKEN: dict[str, Callable[[Path], Environment]] = {
    "data that cannot be made": _variables(**_NOWHERE),
    "a file for the data directory": _data_is_a_file,
    "no database in the database's file": _no_database,
    "folders in the files' cases": _folders_for_files,
    "a wrong master key": _variables(RINGBACK_MASTER_KEY="no key", **_NOWHERE),
    "no config file": _variables(RINGBACK_CONFIG="nowhere.toml"),
    "a folder for the config file": _variables(RINGBACK_CONFIG="."),
    "a broken config file": _config(b"port = ["),
    "a config file that is no text": _config(b"\xff\xfe\0\1"),
    "an unknown key in the config file": _config(b"prot = 1"),
    "a wrong setting": _variables(RINGBACK_PROBE_PORT="many"),
    "an unknown variable": _variables(RINGBACK_FROBNICATE="1"),
    "a malformed database": _variables(RINGBACK_DATABASE="postgresql://u:p@[::1/x"),
    "a malformed proxy": _variables(
        RINGBACK_BASE_URL="http://gen.example", **dict.fromkeys(_PROXIES, "nonsense://[::1")
    ),
    "authorities that cannot be read": _variables(
        SSL_CERT_FILE="/nowhere.pem", RINGBACK_BASE_URL="http://gen.example", **_NOWHERE
    ),
    "a malformed server": _variables(RINGBACK_BASE_URL="http://[::1", **_NOWHERE),
    "bytes that are no text": _variables(RINGBACK_API_KEY="\udcff", RINGBACK_DATA="/proc/\udcff"),
    "no home and no path": _variables(
        HOME=None, PATH=None, LANG=None, LC_ALL=None, TMPDIR="/nowhere", **_NOWHERE
    ),
}

_FOR_CLIENTS = frozenset(
    {
        "a malformed proxy",
        "a malformed server",
        "authorities that cannot be read",
        "bytes that are no text",
    }
)

# Each environment has a process of its own, forked when all modules are there: that is cheap.
_PROGRAM = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from ringback.cli.program import COMMANDS, run
import ringback.client, ringback.server.run, ringback.server.migrate_data
for name in COMMANDS:
    import_module(f"ringback.cli.commands.{name}")

def ended(lines):
    found = {}
    for name, line in lines.items():
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            status = run(line)
        found[name] = [status, out.getvalue(), err.getvalue()]
    return found

for folder, environment, lines in json.load(sys.stdin):
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        for name, text in environment.items():
            os.environ.pop(name, None) if text is None else os.environ.update({name: text})
        with open("ended.json", "w") as file:
            json.dump(ended(lines), file)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_the_table_has_every_command() -> None:
    # The demo starts an emulator of its own, and mcp speaks with its host: both have their tests.
    assert {line.split()[0] for line in _LINES} == COMMANDS.keys() - _ONLY_HELP - {"demo", "mcp"}


def test_each_command_ends_with_a_sentence_in_each_broken_environment(tmp_path: Path) -> None:
    cases = []
    for name, breaks in _BROKEN.items():
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        (folder / "app.json").write_text("{", "utf-8")
        lines = {
            command: line
            for command, line in _LINES.items()
            if name in _FOR_CLIENTS or command not in _READ_NO_SETTINGS
        }
        cases.append((str(folder), breaks(folder), lines))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    with socket.socket() as nobody:  # bound, and never listening
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps(cases),
            env={**kept, "RINGBACK_BASE_URL": url},
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    faults = []
    for folder_name, _environment, lines in cases:
        found = json.loads((Path(folder_name) / "ended.json").read_text("utf-8"))
        assert found.keys() == lines.keys()
        for name, (status, out, errors) in found.items():
            if not _is_well_told(name, status, out, errors):
                faults.append(f"{Path(folder_name).name}: {name}: {status}\n{out}{errors}")
    assert not faults, "\n".join(faults)


def _is_well_told(name: str, status: int, out: str, errors: str) -> bool:
    """Say whether a command ended as it should where something that it needs is broken."""
    if "Traceback" in out + errors or "fault of Ringback" in out + errors:
        return False
    if name == "models check" and status == 0:
        return True  # models are files of their own, and nothing of them is broken here
    # Doctor and the examination of a receiver report on standard output.
    is_report = name in ("doctor", "lab check") and status == 1 and not errors
    lines = [line for line in errors.splitlines() if line.startswith(("ringback: ", "Error:"))]
    return 1 <= status <= 7 and (len(lines) == 1 or is_report)


@pytest.mark.parametrize(
    ("arguments", "redirected", "status"),
    [
        ("--version", ">/dev/full", 1),
        ("models check", ">/dev/full", 1),
        ("models check", ">&-", 0),
        ("models check", "<&- >&- 2>&-", 0),
        ("keys list --data nowhere", "2>&-", 1),
        ("keys list --data nowhere", "2>/dev/full", 1),
        ("keys list --no-such-option", "2>/dev/full", 2),
        ("models check", "| true", 0),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_streams_that_are_closed_full_or_left_do_not_end_in_a_traceback(
    tmp_path: Path, arguments: str, redirected: str, status: int, unbuffered: str
) -> None:
    done = subprocess.run(
        f'"$PYTHON" -m ringback {arguments} {redirected}',
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHON": sys.executable, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.parametrize("arguments", ["--version", "--help", "models --help", "models check"])
def test_output_whose_reader_is_gone_has_a_status_of_its_own(
    tmp_path: Path, arguments: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ringback", *arguments.split()],
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=_LIMIT_S,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (Status.READER_GONE, b"")


def test_an_ascii_locale_speaks_utf8(tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "ringback", "keys", "list", "--data", "dür-🦊"],
        cwd=tmp_path,
        env={**os.environ, **plain},
        capture_output=True,
        timeout=_LIMIT_S,
        check=False,
    )
    assert done.returncode == 1
    assert "There is no Ringback database in dür-🦊" in done.stderr.decode("utf-8")
