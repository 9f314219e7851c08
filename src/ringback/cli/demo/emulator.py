"""Runs the demo's emulator: ``ringback dev`` in a process that always ends with the demo."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from ringback.cli.demo.printer import Printer
from ringback.clock import SystemClock

_READY_S_MAX = 30.0
_GRACE_S = 5
_POLL_S = 0.1
_LAST_LINES = 8


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator: its URL, its signing secret, its data directory and its process."""

    url: str
    secret: str
    data: Path
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def check_alive(self) -> None:
        """Raise ``ClickException`` with the emulator's last log lines if it has ended."""
        if self.process.poll() is not None:
            raise _died(self.process, self.errors)


@contextmanager
def running(printer: Printer, *, data: Path, port: int) -> Iterator[Emulator]:
    """Start the emulator, wait until it is ready, and stop it at the end of the context."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            _command(data, port),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            # Settings for other servers in this shell must not change the demo.
            env={k: v for k, v in os.environ.items() if not k.startswith("RINGBACK_")},
        )
        try:
            ready = json.loads(_first_line(process, errors, printer))
            yield Emulator(ready["url"], ready["secret"], data, process, errors)
        finally:
            _stop(process)


def _command(data: Path, port: int) -> list[str]:
    # -P: a file in the current directory must not replace a module of ours.
    program = [sys.executable, "-P", "-m", "ringback", "dev", "--json"]
    where = ["--port", str(port), "--data", str(data)]
    return [*program, *where, "--grace-s", str(_GRACE_S), "--log-level", "warning"]


def _first_line(process: subprocess.Popen[bytes], errors: IO[bytes], printer: Printer) -> bytes:
    assert process.stdout is not None
    clock = SystemClock()
    started = clock.monotonic()
    line = b""
    while not line.endswith(b"\n"):
        waited_s = clock.monotonic() - started
        if waited_s > _READY_S_MAX:
            raise click.ClickException(f"The emulator was not ready within {_READY_S_MAX:.0f} s.")
        printer.status("starting")
        if select.select([process.stdout], [], [], _POLL_S)[0]:
            read = os.read(process.stdout.fileno(), 4096)
            if not read:
                process.wait(_GRACE_S)
                raise _died(process, errors)
            line += read
    return line


def _died(process: subprocess.Popen[bytes], errors: IO[bytes]) -> click.ClickException:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
    last_words = "\n".join(lines) or "It said nothing."
    return click.ClickException(
        f"The emulator ended with status {process.returncode}. Its last words:\n{last_words}"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(2 * _GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
