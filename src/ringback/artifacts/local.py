"""Artifacts in a directory, written whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

from ringback.artifacts.contract import CHUNK_BYTES, StoredArtifact
from ringback.artifacts.names import media_type_of, new_name, place_of
from ringback.errors import SetupError, StorageFull
from ringback.ids import new_artifact_stem


class LocalArtifacts:
    """An ``ArtifactStore`` in one directory."""

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
        name = new_name(media_type)
        await asyncio.to_thread(self._keep, name, content, move=True)
        return name

    async def put(self, name: str, content: bytes | Path) -> None:
        """Keep a file under a name that it already has, or raise ``StorageFull``."""
        await asyncio.to_thread(self._keep, name, content, move=False)

    async def find(self, name: str) -> StoredArtifact | None:
        """Return the file of that name, or None."""
        media_type = media_type_of(name)
        if media_type is None:
            return None
        try:
            found = self.path_of(name).lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return StoredArtifact(name=name, media_type=media_type, size_bytes=found.st_size)

    async def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield so many of its bytes from the given one on."""
        left = artifact.size_bytes - first if count is None else count
        with self.path_of(artifact.name).open("rb", buffering=0) as file:
            file.seek(first)
            while left > 0:
                chunk = await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk

    async def link(self, artifact: StoredArtifact) -> str | None:
        """Return None: the server serves its own directory."""
        return None

    @property
    def link_origin(self) -> str | None:
        """There are no links."""
        return None

    async def delete(self, name: str) -> None:
        """Delete the file of that name, if there is one."""
        if media_type_of(name) is not None:
            await asyncio.to_thread(self.path_of(name).unlink, missing_ok=True)

    async def sweep(self, *, before_ms: int) -> int:
        """Delete what was left half written before then; return how many files."""
        return await asyncio.to_thread(self._sweep, before_ms)

    async def check(self) -> None:
        """Raise ``SetupError`` unless the directory can be written."""
        if not os.access(self._incoming, os.W_OK | os.X_OK):
            raise SetupError(
                f"The artifacts' directory {self._directory} cannot be written; "
                "check its owner and permissions."
            )

    def path_of(self, name: str) -> Path:
        """Return where the file of a name lies."""
        return self._directory / place_of(name)

    def _sweep(self, before_ms: int) -> int:
        place = self._incoming.lstat()
        if not stat.S_ISDIR(place.st_mode) or place.st_uid != os.geteuid():
            return 0
        swept = 0
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                if media_type_of(entry.name) is not None and _is_older(entry, before_ms):
                    os.unlink(entry)
                    swept += 1
        return swept

    def _keep(self, name: str, content: bytes | Path, *, move: bool) -> None:
        """Write beside, sync, rename, sync the folder: a crash leaves the whole file or none."""
        # A name of its own: two processes may be keeping the same file.
        waiting = self._incoming / f"{new_artifact_stem()}{Path(name).suffix}"
        path = self.path_of(name)
        try:
            if not isinstance(content, Path):
                waiting.write_bytes(content)
            elif move:
                shutil.move(content, waiting)
            else:
                shutil.copyfile(content, waiting)
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
