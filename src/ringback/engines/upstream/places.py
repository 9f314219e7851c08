"""Where a result lies on its way home: in a file, so that none need fit in memory."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from ringback.media.content import MediaType
from ringback.media.looking import media_type_of

Place = Callable[[], AbstractContextManager[Path]]
"""Gives a path for a new file, which is deleted in the end."""


@contextmanager
def temporary_place() -> Iterator[Path]:
    """Give a path in the machine's folder for temporary files."""
    with tempfile.TemporaryDirectory(prefix="ringback-") as directory:
        yield Path(directory) / "result"


class Pouring:
    """Takes bytes into a file, and remembers why one did not fit."""

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


def type_of_file(path: Path) -> MediaType | None:
    """Return a file's type by its content, or None for none of those that artifacts may have."""
    if not path.stat().st_size:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return media_type_of(content)
