"""Temporary folders for the files of a subprocess task."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

Folder = Callable[[], AbstractContextManager[Path]]
"""Returns a context with a new folder; a full disk raises ``StorageFull``."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder in the system's folder for temporary files."""
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        yield Path(folder)
