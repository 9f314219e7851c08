"""Temporary files for downloads, so that no result needs to fit in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ringback.files.media.content import MediaType, mapped
from ringback.files.media.parsing import sniff

TemporaryFile = Callable[[], AbstractContextManager[Path]]
"""Returns a context with the path of a new file, which is deleted at its end."""


@contextmanager
def temporary_file() -> Iterator[Path]:
    """Yield a path in the system's folder for temporary files."""
    with tempfile.TemporaryDirectory(prefix="ringback-") as directory:
        yield Path(directory) / "result"


def type_of_file(path: Path) -> MediaType | None:
    """Return the media type found in a file's content, or None if artifacts cannot have it."""
    with mapped(path) as content:
        return sniff(content)
