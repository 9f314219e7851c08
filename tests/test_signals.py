"""Tests can be run in the background of a shell, where interrupts are ignored."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP], ids=lambda it: it.name
)
def test_programs_that_tests_start_do_not_ignore_signals(number: signal.Signals) -> None:
    asks = f"import signal; print(signal.getsignal({number.value}) is signal.SIG_IGN)"
    child = subprocess.run([sys.executable, "-c", asks], stdout=subprocess.PIPE, check=True)
    assert child.stdout == b"False\n"
