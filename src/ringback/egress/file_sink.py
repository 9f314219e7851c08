"""A sink that writes an answer to a file."""

from __future__ import annotations

from typing import BinaryIO


class FileSink:
    """Writes an answer to a file, and keeps the error if that fails."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def __call__(self, data: bytes) -> None:
        """Write the bytes, or raise ``OSError``."""
        try:
            self._file.write(data)
        except OSError as exc:
            self.error = exc
            raise
