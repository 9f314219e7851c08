"""Artifacts as inputs: this server's own files are read from the store, not over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ringback.errors import FetchError
from ringback.files.artifacts.contract import ArtifactStore, StoredArtifact
from ringback.files.artifacts.names import name_in


async def find_own(
    artifacts: ArtifactStore, url: str, *, base_url: str, bytes_max: int
) -> StoredArtifact | None:
    """Return the artifact that a URL names, or None if the URL is not one of ours.

    The URL is in the plain spelling that a request's URLs are given. Raises ``FetchError`` for a
    file that is gone, or is larger.
    """
    name = name_in(url, base_url=base_url)
    if name is None:
        return None
    artifact = await artifacts.find(name)
    if artifact is None:
        raise FetchError("gone", f"there is no {url}", words="it no longer exists")
    if artifact.size_bytes > bytes_max:
        raise FetchError("too_large", f"{url} has more than {bytes_max} bytes")
    return artifact


async def copy_to(path: Path, artifacts: ArtifactStore, artifact: StoredArtifact) -> None:
    """Write an artifact's bytes to a path, chunk by chunk; raises ``OSError``."""
    with path.open("wb") as file:
        async for chunk in artifacts.read(artifact):
            await asyncio.to_thread(file.write, chunk)
