"""What a store of artifacts promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MEDIA_TYPES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "model/gltf-binary": ".glb",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
}
"""The types that artifacts may have, and the ending of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """A kept file, ready to be served."""

    path: Path
    media_type: str


class ArtifactStore(Protocol):
    """Files under unguessable names."""

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Keep a file durably and return its name; a path is moved, not copied."""

    async def delete(self, name: str) -> None:
        """Delete the file of that name, if there is one."""

    def find(self, name: str) -> StoredArtifact | None:
        """Return the file of that name, or None; no name reaches outside the store."""
