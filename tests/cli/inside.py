"""The command line within this process: quick, for all that needs no process of its own."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from ringback.cli.program import run


class Done(NamedTuple):
    """A command's exit status and output."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return its standard output, decoded from JSON."""
        # The server of the test is in this process too, and may log a line of its own.
        return json.loads(self.out.splitlines()[-1])


class Inside:
    """Runs commands in this process and returns their output."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, status: int = 0) -> Done:
        """Return how a command ended; fails when that is with another status."""
        self._capsys.readouterr()
        ended = run(arguments)
        done = Done(ended, *self._capsys.readouterr())
        assert ended == status, done.err
        assert "Traceback" not in done.err
        return done
