"""What a store of artifacts promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CHUNK_BYTES = 1 << 18
"""How much of an artifact is in hand at once while it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """A kept file, ready to be served; a name's bytes never change."""

    name: str
    media_type: str
    size_bytes: int


class ArtifactStore(Protocol):
    """Files under unguessable names, whole or not there at all."""

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Keep a file durably and return its new name; a path is moved, not copied.

        Raises ``StorageFull`` or ``ArtifactsAway``; waiting mends both.
        """

    async def put(self, name: str, content: bytes | Path) -> None:
        """Keep a file under the name that it has in another store; a path is copied."""

    async def find(self, name: str) -> StoredArtifact | None:
        """Return the file of that name, or None; no name reaches outside the store."""

    def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield so many of its bytes from the given one on, a little at a time."""

    async def link(self, artifact: StoredArtifact) -> str | None:
        """Return a URL that serves the file for a while; None: serve it yourself."""

    @property
    def link_origin(self) -> str | None:
        """Return the origin that links lead to; None where there are no links."""

    async def delete(self, name: str) -> None:
        """Delete the file of that name, if there is one."""

    async def sweep(self, *, before_ms: int) -> int:
        """Delete what was begun before then and never became whole; return how many."""

    async def check(self) -> None:
        """Raise ``SetupError`` unless files can be kept here."""
