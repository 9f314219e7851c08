"""The port of artifact stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

CHUNK_BYTES = 1 << 18
"""The size of the chunks in which an artifact is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """A stored file; the bytes of a name never change."""

    name: str
    media_type: str
    size_bytes: int
    saved_at_s: int  # in whole seconds, as HTTP has it


LinkMethod = Literal["GET", "HEAD"]


class ArtifactStore(Protocol):
    """Stores files under unguessable names, each completely or not at all.

    Every method but ``check`` raises ``ArtifactsUnavailable`` while the store does not work: a
    bucket that is missing, elsewhere, closed to our keys or silent, a directory that is gone.
    """

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Store a file durably and return its new name; a path is moved, not copied.

        Raises ``StorageFull`` or ``ArtifactsUnavailable``; a later attempt may succeed.
        """

    async def put(self, name: str, content: bytes | Path) -> None:
        """Store a file under the name that it has in another store; a path is copied."""

    async def find(self, name: str) -> StoredArtifact | None:
        """Return the file of that name, or None; a name cannot address a path outside the store."""

    async def find_by_stem(self, stem: str) -> StoredArtifact | None:
        """Return the file whose name without its suffix this is, or None."""

    def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield ``count`` bytes from the offset ``first`` on, in chunks; by default all."""

    async def link(self, artifact: StoredArtifact, *, method: LinkMethod = "GET") -> str | None:
        """Return a URL that serves this method for a while, or None: the server serves the file."""

    @property
    def link_origin(self) -> str | None:
        """Return the origin of all links, or None where there are no links."""

    async def delete(self, name: str) -> None:
        """Delete the file of that name, if there is one."""

    async def sweep(self, *, before_ms: int) -> int:
        """Delete incomplete files begun before that time; return how many."""

    async def check(self) -> None:
        """Raise ``SetupError`` unless the store can be written."""
