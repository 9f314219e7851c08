from __future__ import annotations

import os
import pty
import subprocess
import sys
from importlib import import_module
from time import perf_counter

import click
import pytest

from ringback import __version__
from ringback.cli.program import COMMANDS
from tests.cli.program import Program

_HEAVY = {
    "apsw",
    "asyncio",
    "cryptography",
    "msgspec",
    "numpy",
    "starlette",
    "structlog",
    "uvicorn",
}


def test_help_lists_every_command(ringback: Program) -> None:
    done = ringback.run("--help")
    assert done.returncode == 0
    for name, sentence in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert sentence in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_own_help_begins_with_the_sentence_of_the_list(name: str) -> None:
    command: click.Command = import_module(f"ringback.cli.commands.{name}").command
    assert command.help is not None
    assert command.help.split("\n\n")[0] == COMMANDS[name]


def test_the_version_is_the_packages(ringback: Program) -> None:
    assert ringback.run("--version").stdout == f"ringback {__version__}\n"


@pytest.mark.parametrize("code", ["import ringback", "import ringback.cli.program"])
def test_nothing_heavy_is_loaded_before_a_command_runs(code: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not _HEAVY & set(shown.stdout.split())


def test_help_takes_hardly_longer_than_importing_its_libraries() -> None:
    """The figure is the benchmarks'; here it is compared with a bare import on this machine."""

    def took_s(*arguments: str) -> float:
        started = perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        return perf_counter() - started

    pairs = [(took_s("-m", "ringback", "--help"), took_s("-c", "import click")) for _ in range(8)]
    assert min(ours for ours, _ in pairs) < 3 * min(bare for _, bare in pairs)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "No such command"),
        (["dev", "--port", "99999"], "--port"),
        (["dev", "--frob"], "No such option"),
        (["keys", "create"], "--workspace"),
        (["dev", "--data", ""], "'--data': it is empty"),
        (["serve", "--config", ""], "'--config': it is empty"),
        (["backup", ""], "'DIR': it is empty"),
        (["assets", "upload", ""], "'FILE': it is empty"),
        (["keys", "create", "--workspace", "Not A Name"], "a-z"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what(
    ringback: Program, arguments: list[str], says: str
) -> None:
    done = ringback.run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["dev", "--config", "nowhere.toml"], {}, "nowhere.toml"),
        (["dev"], {"RINGBACK_PORT": "many"}, "RINGBACK_PORT"),
        (["dev", "--data", "/proc/nowhere"], {}, "--data"),
        (["keys", "list", "--data", "nowhere"], {}, "--data"),
    ],
)
def test_a_setting_that_cannot_work_is_status_1_and_one_sentence(
    ringback: Program, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    done = ringback.run(*arguments, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("ringback: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("environment", "is_colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colors_are_for_terminals_that_want_them(
    ringback: Program, environment: dict[str, str], is_colored: bool
) -> None:
    master, slave = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    command = [sys.executable, "-m", "ringback", "doctor", "--port", "0"]
    done = subprocess.run(
        command, cwd=ringback.directory, env={**kept, **environment}, stdout=slave, check=False
    )
    os.close(slave)
    shown = os.read(master, 65536)
    os.close(master)
    assert done.returncode == 0
    assert (b"\x1b[" in shown) is is_colored
