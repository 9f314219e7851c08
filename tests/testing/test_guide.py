"""The tests that the guide shows pass, in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

import ringback as package
from tests.cli.program import Program
from tests.docs.pages import blocks
from tests.media_files import png


def test_the_guides_tests_pass(tmp_path: Path) -> None:
    tests, own_receiver, answers, fixture = blocks("docs/testing.md", "python")
    (tmp_path / "test_prints.py").write_text(tests, "utf-8")
    (tmp_path / "shop.py").write_text(blocks("docs/receiver.md", "python")[0], "utf-8")
    (tmp_path / "test_shop.py").write_text(own_receiver, "utf-8")
    (tmp_path / "test_answers.py").write_text(answers, "utf-8")
    (tmp_path / "answers.toml").write_text(blocks("docs/testing.md", "toml")[0], "utf-8")
    (tmp_path / "fox.png").write_bytes(png(size=(64, 48)))
    (tmp_path / "conftest.py").write_text(fixture, "utf-8")
    (tmp_path / "test_server.py").write_text(
        "def test_it_has_the_settings(server):\n    assert server._settings.active_max == 100\n"
    )
    # The other plugins of this environment have warnings of their own.
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
    )
    # The plugin is found by its entry point, as in any program's tests.
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "6 passed" in ran.stdout, ran.stdout + ran.stderr


_OF_A_PROGRAM = """
import pytest

def test_it(ringback_server, webhook_inbox, ringback_lab):
    from ringback import Ringback
    with Ringback() as client:
        client.image("ringback/null", prompt="a fox", webhook_url=webhook_inbox.url,
                     headers=ringback_lab.header("deliver=twice"))
        assert webhook_inbox.wait(event="job.completed").is_genuine
        webhook_inbox.wait(event="job.completed")
        assert client.usage().total.jobs == 1  # each test has a workspace of its own
    webhook_inbox.answer(503)
    with pytest.raises(RuntimeError, match="with each submission"):
        ringback_lab.every_job("job=fail")
    assert ringback_lab.advance("1s") >= 0

def test_another(ringback_server, webhook_inbox):
    from ringback import Ringback
    with Ringback() as client:
        assert client.usage().total.jobs == 0
"""
# Missing in a program's environment without the extra "server".
_WITHOUT_SERVER = """
import sys
for name in ("apsw", "av", "cryptography", "dns", "idna", "jinja2", "jsonschema_rs", "numpy", "PIL",
             "pillow_heif", "python_multipart", "starlette", "structlog", "uvicorn", "uvloop",
             "websockets"):
    if name != "idna":  # of the client's own HTTP library
        sys.modules[name] = None
"""


def run_beside(directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program's tests in an environment without the server's packages."""
    (directory / "test_program.py").write_text(_OF_A_PROGRAM, "utf-8")
    (directory / "conftest.py").write_text(_WITHOUT_SERVER, "utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:randomly", "."],
        cwd=directory,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(120)
def test_the_fixtures_use_a_server_outside_the_environment(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        emulator = Program(tmp_path, stack).start("dev", "--port", "0", "--json")
        ran = run_beside(tmp_path, RINGBACK_TEST_URL=emulator.ready()["url"])
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr
    command = f"{sys.executable} -m ringback dev"
    ran = run_beside(tmp_path, RINGBACK_TEST_COMMAND=command)
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "RINGBACK_TEST_URL"),
        ({"RINGBACK_TEST_URL": "http://127.0.0.1:1"}, "No emulator of ringback dev answers"),
        ({"RINGBACK_TEST_COMMAND": "true"}, "was not ready"),
        ({"RINGBACK_TEST_COMMAND": "/no/such/program"}, "/no/such/program"),
    ],
)
def test_a_missing_server_is_one_sentence(
    tmp_path: Path, variables: dict[str, str], says: str
) -> None:
    ran = run_beside(tmp_path, **variables)
    assert says in ran.stdout, ran.stdout + ran.stderr
    assert "2 errors" in ran.stdout
    assert "Traceback" not in ran.stdout
