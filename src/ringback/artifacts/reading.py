"""Artifacts as inputs: what this server keeps is read where it lies, and not called."""

from __future__ import annotations

from ringback.artifacts.contract import ArtifactStore
from ringback.errors import FetchError


def artifact_name(url: str, *, base_url: str) -> str | None:
    """Return the artifact that a URL of this server names, or None for any other URL."""
    prefix = f"{base_url}/artifacts/"
    return url.removeprefix(prefix) if url.startswith(prefix) else None


async def read_own(
    artifacts: ArtifactStore, url: str, *, base_url: str, bytes_max: int
) -> bytes | None:
    """Return the bytes of an artifact by its URL, None where that is none of ours.

    Raises ``FetchError`` for one that is larger.
    """
    name = artifact_name(url, base_url=base_url)
    artifact = None if name is None else await artifacts.find(name)
    if artifact is None:
        return None
    if artifact.size_bytes > bytes_max:
        raise FetchError("too_large", f"{url} has more than {bytes_max} bytes")
    return b"".join([chunk async for chunk in artifacts.read(artifact)])
