"""The tests that the guide shows pass, in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from docs.pages import blocks

import ringback


def test_the_guides_tests_pass(tmp_path: Path) -> None:
    tests, fixture = blocks("docs/testing.md", "python")
    (tmp_path / "test_prints.py").write_text(tests, "utf-8")
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
        env={**os.environ, "PYTHONPATH": str(Path(ringback.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr
