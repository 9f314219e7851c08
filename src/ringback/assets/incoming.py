"""Where files lie while they come in; nothing stays there."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ringback.errors import SetupError, StorageFull
from ringback.ids import new_artifact_stem


class Incoming:
    """A directory of files on their way in."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise SetupError(
                f"The directory {directory} cannot be made ({exc.strerror}); "
                "check what stands in its place."
            ) from exc

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Yield a path for a new file, which is deleted in the end; raises ``StorageFull``."""
        path = self._directory / new_artifact_stem()
        try:
            with _full_disk_said():
                yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield a new folder, which is deleted in the end; raises ``StorageFull``."""
        path = self._directory / new_artifact_stem()
        try:
            with _full_disk_said():
                path.mkdir(mode=0o700)
                yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def sweep(self, *, before_ms: int) -> int:
        """Delete the files and folders that were last written before then; return how many.

        For the start of a server: a killed predecessor could not.
        """
        place = self._directory.lstat()
        if not stat.S_ISDIR(place.st_mode) or place.st_uid != os.geteuid():
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
def _full_disk_said() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull(f"The file could not be received: {exc.strerror}.") from exc
