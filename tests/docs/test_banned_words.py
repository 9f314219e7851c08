"""Words that the glossary replaced do not return."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.pages import ROOT


def test_no_banned_word_stands_more_often_than_committed() -> None:
    program = ROOT / "tools" / "banned_words.py"
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
