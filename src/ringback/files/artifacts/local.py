"""Artifacts in a directory; each is written completely or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from ringback.errors import ArtifactsUnavailable, SetupError, StorageFull
from ringback.files.artifacts.contract import CHUNK_BYTES, ArtifactStore, LinkMethod, StoredArtifact
from ringback.files.artifacts.names import (
    TYPE_OF_SUFFIX,
    is_stem,
    media_type_of,
    new_name,
    relative_path,
)
from ringback.files.private_folders import close_to_others, make_private_folder
from ringback.ids import new_artifact_stem


class LocalArtifacts(ArtifactStore):
    """An ``ArtifactStore`` in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        try:
            make_private_folder(directory)
            make_private_folder(self._incoming)
            self._device = directory.stat().st_dev
        except OSError as exc:
            raise SetupError(
                f"The artifacts' directory {directory} cannot be created ({exc.strerror}); "
                "check which file has its path."
            ) from exc

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        name = new_name(media_type)
        await asyncio.to_thread(self._write, name, content, move=True)
        return name

    async def put(self, name: str, content: bytes | Path) -> None:
        await asyncio.to_thread(self._write, name, content, move=False)

    async def find(self, name: str) -> StoredArtifact | None:
        media_type = media_type_of(name)
        if media_type is None:
            return None
        try:
            found = self.path_of(name).lstat()
        except FileNotFoundError:
            self._check_directory()
            return None
        except OSError as exc:
            raise _unavailable(exc) from exc
        if not stat.S_ISREG(found.st_mode):
            return None
        return StoredArtifact(
            name=name,
            media_type=media_type,
            size_bytes=found.st_size,
            saved_at_s=int(found.st_mtime),
        )

    async def find_by_stem(self, stem: str) -> StoredArtifact | None:
        if not is_stem(stem):
            return None
        for suffix in TYPE_OF_SUFFIX:
            found = await self.find(stem + suffix)
            if found is not None:
                return found
        return None

    async def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        remaining = artifact.size_bytes - first if count is None else count
        # A buffered file, because its lock makes ``close`` wait for a cancelled read that still
        # runs; that read could otherwise hit another file with the same descriptor.
        try:
            file = self.path_of(artifact.name).open("rb")
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise _unavailable(exc) from exc
        try:
            file.seek(first)
            while remaining > 0:
                chunk = await asyncio.to_thread(file.read, min(remaining, CHUNK_BYTES))
                if not chunk:
                    return
                remaining -= len(chunk)
                yield chunk
        finally:
            # In a thread because it may block; not awaited, so that cancellation cannot prevent it.
            asyncio.get_running_loop().run_in_executor(None, file.close)

    async def link(self, artifact: StoredArtifact, *, method: LinkMethod = "GET") -> str | None:
        """Return None: the server serves the directory itself."""
        return None

    @property
    def link_origin(self) -> str | None:
        """Return None: there are no links."""
        return None

    async def delete(self, name: str) -> None:
        if media_type_of(name) is None:
            return
        try:
            await asyncio.to_thread(self.path_of(name).unlink)
        except FileNotFoundError:
            self._check_directory()
        except OSError as exc:
            raise _unavailable(exc) from exc

    async def sweep(self, *, before_ms: int) -> int:
        """Delete files left incomplete before that time; return how many."""
        return await asyncio.to_thread(self._sweep, before_ms)

    async def check(self) -> None:
        """Raise ``SetupError`` unless the directory can be written."""
        with suppress(OSError):
            self._make_again()
        if not os.access(self._incoming, os.W_OK | os.X_OK):
            raise SetupError(
                f"The artifacts' directory {self._directory} cannot be written; "
                "check its owner and permissions."
            )

    def path_of(self, name: str) -> Path:
        """Return the path of the file of that name."""
        return self._directory / relative_path(name)

    def _check_directory(self) -> None:
        """Raise ``ArtifactsUnavailable`` if the directory itself is missing."""
        try:
            self._directory.lstat()
        except OSError as exc:
            raise _unavailable(exc) from exc

    def _make_again(self) -> None:
        """Make the folders that were removed under a running server.

        A volume that was unmounted leaves its mount point, on another device: files that were
        written there would be hidden by the volume once it is back.
        """
        if self._incoming.exists():
            return
        nearest = self._directory if self._directory.exists() else self._directory.parent
        if nearest.exists() and nearest.stat().st_dev == self._device:
            make_private_folder(self._incoming)

    def _sweep(self, before_ms: int) -> int:
        directory = self._incoming.lstat()
        if not stat.S_ISDIR(directory.st_mode) or directory.st_uid != os.geteuid():
            return 0
        swept = 0
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                if media_type_of(entry.name) is not None and _is_older(entry, before_ms):
                    os.unlink(entry)
                    swept += 1
        return swept

    def _write(self, name: str, content: bytes | Path, *, move: bool) -> None:
        """Write a temporary file, sync it, rename it: after a crash it is there entirely or not."""
        # A unique name: two processes may store the same file at once.
        temporary = self._incoming / f"{new_artifact_stem()}{Path(name).suffix}"
        path = self.path_of(name)
        try:
            self._make_again()
            if not isinstance(content, Path):
                temporary.write_bytes(content)
            elif move:
                shutil.move(content, temporary)
            else:
                shutil.copyfile(content, temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            close_to_others(temporary, 0o600)
            if not path.parent.exists():
                make_private_folder(path.parent)
            temporary.rename(path)
            for folder in (path.parent, self._directory):
                _sync_folder(folder)
        except OSError as exc:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise _unavailable(exc) from exc


def _unavailable(exc: OSError) -> StorageFull | ArtifactsUnavailable:
    """Return the error for a directory that is full, or is away: deleted, unmounted, forbidden."""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"The artifact could not be stored: {exc.strerror}.")
    return ArtifactsUnavailable(f"The artifacts' directory does not work ({exc.strerror}).")


def _is_older(entry: os.DirEntry[str], before_ms: int) -> bool:
    """Return whether this is a regular file, last written before that time."""
    if not entry.is_file(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_mtime_ns < before_ms * 1_000_000


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
