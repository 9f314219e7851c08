"""Artifacts in a directory, written whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import stat
from pathlib import Path

from ringback.artifacts.contract import MEDIA_TYPES, StoredArtifact
from ringback.errors import EngineError, SetupError, StorageFull
from ringback.ids import new_artifact_stem

_NAME = re.compile(r"[A-Za-z0-9_-]{32}(\.[a-z0-9]{3,4})", re.ASCII)
_TYPE_OF = {ending: media_type for media_type, ending in MEDIA_TYPES.items()}


class LocalArtifacts:
    """An ``ArtifactStore`` in one directory, spread over folders by the name's first letters."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        try:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise SetupError(
                f"The artifacts' directory {directory} cannot be made ({exc.strerror}); "
                "check what stands in its place."
            ) from exc

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Keep a file durably and return its name, or raise ``StorageFull``."""
        ending = MEDIA_TYPES.get(media_type)
        if ending is None:
            raise EngineError(f"The engine made a file of an unknown type, {media_type}.")
        name = new_artifact_stem() + ending
        await asyncio.to_thread(self._keep, name, content)
        return name

    async def delete(self, name: str) -> None:
        """Delete the file of that name, if there is one."""
        artifact = self.find(name)
        if artifact is not None:
            await asyncio.to_thread(artifact.path.unlink, missing_ok=True)

    def find(self, name: str) -> StoredArtifact | None:
        """Return the file of that name, or None."""
        match = _NAME.fullmatch(name)
        if match is None or match[1] not in _TYPE_OF:
            return None
        path = self._path(name)
        if not path.is_file():
            return None
        return StoredArtifact(path=path, media_type=_TYPE_OF[match[1]])

    def sweep(self, *, before_ms: int) -> int:
        """Delete what was left half written before then; return how many files.

        For the start of a server that has the directory to itself.
        """
        place = self._incoming.lstat()
        if not stat.S_ISDIR(place.st_mode) or place.st_uid != os.geteuid():
            return 0
        swept = 0
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name) and _is_older(entry, before_ms):
                    os.unlink(entry)
                    swept += 1
        return swept

    def _path(self, name: str) -> Path:
        return self._directory / name[:2] / name

    def _keep(self, name: str, content: bytes | Path) -> None:
        """Write beside, sync, rename, sync the folder: a crash leaves the whole file or none."""
        waiting = self._incoming / name
        path = self._path(name)
        try:
            if isinstance(content, Path):
                shutil.move(content, waiting)
            else:
                waiting.write_bytes(content)
            with waiting.open("rb") as file:
                os.fsync(file.fileno())
            path.parent.mkdir(mode=0o700, exist_ok=True)
            waiting.rename(path)
            for folder in (path.parent, self._directory):
                _sync_folder(folder)
        except OSError as exc:
            waiting.unlink(missing_ok=True)
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise  # waiting would not mend it: the job fails instead
            raise StorageFull(f"The artifact could not be kept: {exc.strerror}.") from exc


def _is_older(entry: os.DirEntry[str], before_ms: int) -> bool:
    """Say whether this is a plain file, no link, that was last written before then."""
    if not entry.is_file(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_mtime_ns < before_ms * 1_000_000


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
