"""Where an errand's files lie: in a folder of its own, which is deleted in the end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

Folder = Callable[[], AbstractContextManager[Path]]
"""Gives a new folder; a disk that is full is ``StorageFull``."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder in the machine's own for temporary files."""
    with tempfile.TemporaryDirectory(prefix="ringback-") as folder:
        yield Path(folder)
