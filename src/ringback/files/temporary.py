"""Temporary files for uploads and downloads; all are deleted after use."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ringback.errors import SetupError, StorageFull
from ringback.files.private_folders import make_private_folder
from ringback.ids import new_artifact_stem


class TemporaryFiles:
    """A directory of temporary files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            make_private_folder(directory)
        except OSError as exc:
            raise SetupError(
                f"The directory {directory} cannot be created ({exc.strerror}); "
                "check which file has its path."
            ) from exc

    @contextmanager
    def new_file(self) -> Iterator[Path]:
        """Yield a path for a new file, deleted when the context ends; raises ``StorageFull``."""
        path = self._directory / new_artifact_stem()
        try:
            with _full_disk_as_storage_full():
                self._make_again()
                yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield a new folder, deleted at the end of the context; raises ``StorageFull``."""
        path = self._directory / new_artifact_stem()
        try:
            with _full_disk_as_storage_full():
                self._make_again()
                make_private_folder(path)
                yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _make_again(self) -> None:
        """Make the directory if it was removed under a running server."""
        if not self._directory.exists() and self._directory.parent.exists():
            make_private_folder(self._directory)

    def sweep(self, *, before_ms: int) -> int:
        """Delete the files and folders last written before that time; return how many.

        A server calls it at its start, for the files that a killed predecessor left.
        """
        status = self._directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return 0
        swept = 0
        with os.scandir(self._directory) as entries:
            for entry in entries:
                written_ns = entry.stat(follow_symlinks=False).st_mtime_ns
                if entry.is_symlink() or written_ns >= before_ms * 1_000_000:
                    continue
                if entry.is_dir():
                    shutil.rmtree(entry)
                    swept += 1
                elif entry.is_file():
                    os.unlink(entry)
                    swept += 1
        return swept


@contextmanager
def _full_disk_as_storage_full() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull(f"The file could not be received: {exc.strerror}.") from exc
