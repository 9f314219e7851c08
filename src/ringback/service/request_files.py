"""The files that were stored for a request, until the request is a job or an asset."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from ringback.errors import ArtifactsUnavailable, CallerError, Draining, StorageFull
from ringback.files.artifacts.contract import ArtifactStore


class RequestFiles:
    """Deletes the files of requests that are refused."""

    def __init__(self, artifacts: ArtifactStore | None = None) -> None:
        self._artifacts = artifacts

    @asynccontextmanager
    async def kept(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Delete the files if the request is refused in the context."""
        try:
            yield
        except (CallerError, StorageFull, Draining):
            # After any other failure it is unknown whether the job exists and needs them.
            await self.delete(names)
            raise

    async def delete(self, names: Iterable[str]) -> None:
        """Delete the files; one that cannot be deleted takes some room, and no more."""
        for name in names:
            if self._artifacts is not None:
                with suppress(OSError, ArtifactsUnavailable):
                    await self._artifacts.delete(name)
