"""Writes each log line by one system call, and never raises or blocks because of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from ringback.log.outlet import Outlet


class LineWriter:
    """Writes lines to a file; a line that cannot be written (full disk, closed pipe) is dropped.

    One write call per line keeps the lines of several processes apart: in a file that all append
    to, and in a pipe for lines of up to PIPE_BUF bytes (4,096 on Linux). A longer line may be
    interrupted there when the pipe is full.

    A thread makes writes that may block. ``on_left_out`` gets the count of lines that were
    dropped because too many were waiting, once there is room again.
    """

    def __init__(
        self, file: TextIO | None, *, on_left_out: Callable[[int], object] = lambda _count: None
    ) -> None:
        self._file = file  # None: standard error was closed when the process started
        self._is_torn = False  # a line was written only in part
        self._outlet = Outlet(self._write_waiting, on_left_out) if _may_wait(file) else None

    def write(self, line: str) -> None:
        """Write a line, which has no line break in or after it."""
        if self._file is None:
            return
        with suppress(OSError, ValueError):
            try:
                descriptor = self._file.fileno()
            except (OSError, ValueError, AttributeError):  # a file in memory
                self._file.write(f"{line}\n")
                self._file.flush()
            else:
                data = f"{line}\n".encode("utf-8", "backslashreplace")
                if self._outlet is not None:
                    self._outlet.put(data)
                else:
                    self._write_to(descriptor, data)

    def _write_waiting(self, data: bytes) -> None:
        assert self._file is not None
        with suppress(OSError, ValueError):
            self._write_to(self._file.fileno(), data)

    def _write_to(self, descriptor: int, data: bytes) -> None:
        if self._is_torn:  # end the torn line, so that this one begins a new line
            data = b"\n" + data
        written = os.write(descriptor, data)
        self._is_torn = written < len(data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
        self._is_torn = False


def _may_wait(file: TextIO | None) -> bool:
    """Say whether a write may block: on a pipe, a socket or a terminal."""
    try:
        descriptor = file.fileno() if file is not None else None
        if descriptor is None or not os.get_blocking(descriptor):
            return False
        mode = os.fstat(descriptor).st_mode
        is_terminal = stat.S_ISCHR(mode) and os.isatty(descriptor)
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or is_terminal
    except (OSError, ValueError, AttributeError):  # a file in memory, or one that is closed
        return False


class LineLogger:
    """The logger that structlog calls with each rendered line."""

    def __init__(self, lines: LineWriter) -> None:
        self.msg = lines.write
        self.debug = self.info = self.warning = self.error = self.critical = self.msg
        self.warn = self.exception = self.fatal = self.failure = self.err = self.log = self.msg
