"""A store of artifacts that knows whether it works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ringback.errors import ArtifactsUnavailable, SetupError
from ringback.files.artifacts.contract import ArtifactStore, LinkMethod, StoredArtifact
from ringback.files.artifacts.names import new_name
from ringback.log import get_logger

log = get_logger(__name__)

PROBE_EVERY_S = 15.0


class WatchedArtifacts(ArtifactStore):
    """An ``ArtifactStore`` over another one; a failed write makes it away, a good one back."""

    def __init__(self, store: ArtifactStore) -> None:
        self.is_away = False
        self._store = store

    async def probe(self) -> None:
        """Find out whether the store works: by a read, and where that fails by a write.

        A bucket may refuse to say that a file is missing, and still keep files.
        """
        if not self.is_away:
            with suppress(ArtifactsUnavailable):
                await self._store.find(new_name("image/png"))
                return
        try:
            await self._store.check()
        except SetupError as exc:
            self._went(exc)
        else:
            self._came_back()

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        with self._noted():
            return await self._store.save(content, media_type=media_type)

    async def put(self, name: str, content: bytes | Path) -> None:
        with self._noted():
            await self._store.put(name, content)

    async def find(self, name: str) -> StoredArtifact | None:
        return await self._store.find(name)

    async def find_by_stem(self, stem: str) -> StoredArtifact | None:
        return await self._store.find_by_stem(stem)

    def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        return self._store.read(artifact, first=first, count=count)

    async def link(self, artifact: StoredArtifact, *, method: LinkMethod = "GET") -> str | None:
        return await self._store.link(artifact, method=method)

    @property
    def link_origin(self) -> str | None:
        return self._store.link_origin

    async def delete(self, name: str) -> None:
        await self._store.delete(name)

    async def sweep(self, *, before_ms: int) -> int:
        return await self._store.sweep(before_ms=before_ms)

    async def check(self) -> None:
        await self._store.check()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Note whether the write in the context succeeds."""
        try:
            yield
        except ArtifactsUnavailable as exc:
            self._went(exc)
            raise
        self._came_back()

    def _went(self, why: Exception) -> None:
        if not self.is_away:
            self.is_away = True
            log.warning("artifacts_away", detail=str(why))

    def _came_back(self) -> None:
        if self.is_away:
            self.is_away = False
            log.info("artifacts_back")
