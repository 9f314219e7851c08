"""A progress bar for one job, which rewrites one line of a terminal."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from ringback.client.models import JobDocument

_WIDTH = 24


class ProgressLine:
    """Writes a job's progress over and over in one line, and clears it at the end."""

    def __init__(self, file: TextIO | None = None, *, enabled: bool | None = None) -> None:
        self._file = file or sys.stderr
        self._enabled = self._file.isatty() if enabled is None else enabled
        self._is_plain = "NO_COLOR" in os.environ
        self._length = 0

    def show(self, job: JobDocument) -> None:
        """Show the job's status and progress."""
        if self._enabled:
            self._write(self.line(job))

    def end(self) -> None:
        """Clear the line."""
        if self._enabled and self._length:
            self._write("")
            self._file.write("\r")
            self._file.flush()

    def line(self, job: JobDocument) -> str:
        """Return the line for a job."""
        share = min(max(job.progress or 0.0, 0.0), 1.0)
        done = round(share * _WIDTH)
        full, empty = ("#", "-") if self._is_plain else ("█", "░")
        status = "".join(c if c.isprintable() else "?" for c in job.status[:24])
        return f"{full * done}{empty * (_WIDTH - done)} {share:4.0%}  {status}"

    def _write(self, line: str) -> None:
        self._file.write("\r" + line.ljust(self._length))
        self._file.flush()
        self._length = len(line)
