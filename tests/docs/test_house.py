"""The figures of the code's structure and language get no worse than the committed ones."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.pages import ROOT


def test_no_figure_of_the_code_is_worse_than_the_committed_one() -> None:
    program = ROOT / "tools" / "house.py"
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
