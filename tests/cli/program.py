"""The command line as its users have it: processes, pipes, signals, exit statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

_LIMIT_S = 60


class Program:
    """Runs ``ringback`` in one directory, without the settings of the tests' environment."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Return the finished process of a command."""
        return subprocess.run(
            _command(arguments),
            cwd=self.directory,
            env=_environment(environment),
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )

    def start(self, *arguments: str, **environment: str) -> Running:
        """Return a running command, killed at the end of the test if it still runs."""
        process = subprocess.Popen(
            _command(arguments),
            cwd=self.directory,
            env=_environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(process)
        self._stack.callback(running.close)
        return running


class Running:
    """A running command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        """Return the next line of its output; fails with its errors when there is none."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return line.rstrip("\n")

    def lines_until(self, text: str) -> list[str]:
        """Return the lines up to the one with that text."""
        lines = [self.line()]
        while text not in lines[-1]:
            lines.append(self.line())
        return lines

    def ready(self) -> dict[str, Any]:
        """Return the first line of a server's output, decoded from JSON."""
        ready: dict[str, Any] = json.loads(self.line())
        return ready

    def end(self, number: signal.Signals) -> int:
        """Send the signal and return the exit status."""
        self.process.send_signal(number)
        self.process.communicate(timeout=_LIMIT_S)
        return self.process.returncode

    def close(self) -> None:
        """Kill the process if it still runs, and close its pipes."""
        if self.process.poll() is None:
            self.process.kill()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def status_of(url: str, *, token: str | None = None) -> int:
    """Return the status of a GET."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "ringback", *arguments]


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    return {**kept, **more}
