"""A file of artifacts stays open while a thread reads it, also after it was given up."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path, PosixPath
from typing import Any

from ringback.files.artifacts.local import LocalArtifacts
from ringback.testing import settle

CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(1_000)


class SlowFile(io.FileIO):
    """A file on a slow disk: a reader waits until it may go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.is_read = threading.Event()
        self.may_go_on = threading.Event()
        self.closed_at_read: bool | None = None
        self.was_closed = threading.Event()

    def _wait(self) -> None:
        self.is_read.set()
        self.may_go_on.wait(10)
        self.closed_at_read = self.closed

    def read(self, size: int | None = -1, /) -> bytes:
        self._wait()
        return super().read(-1 if size is None else size) or b""

    def readinto(self, buffer: Any, /) -> int:
        self._wait()
        return super().readinto(buffer) or 0

    def close(self) -> None:
        super().close()
        self.was_closed.set()


class SlowArtifacts(LocalArtifacts):
    """Artifacts on a slow disk."""

    def path_of(self, name: str) -> Path:
        store = self

        class SlowPath(PosixPath):
            def open(self, mode: str = "r", buffering: int = -1, *_: Any, **__: Any) -> Any:
                store.file = SlowFile(Path(self))
                return store.file if buffering == 0 else io.BufferedReader(store.file)

        return SlowPath(super().path_of(name))

    file: SlowFile


async def test_a_reader_that_is_cancelled_leaves_the_file_open_until_its_thread_is_done(
    tmp_path: Path,
) -> None:
    name = await LocalArtifacts(tmp_path).save(CONTENT, media_type="image/png")
    artifacts = SlowArtifacts(tmp_path)
    found = await LocalArtifacts(tmp_path).find(name)
    assert found is not None
    reading = asyncio.ensure_future(anext(artifacts.read(found)))
    await settle()
    assert await asyncio.to_thread(artifacts.file.is_read.wait, 10)
    reading.cancel()
    await settle()
    assert reading.cancelled()
    artifacts.file.may_go_on.set()
    assert await asyncio.to_thread(artifacts.file.was_closed.wait, 10)
    assert artifacts.file.closed_at_read is False
