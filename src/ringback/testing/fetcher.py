"""A network that has the files which a test puts there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from ringback.errors import FetchError


class FakeFetcher:
    """Gets the content of a test's URLs; every other cannot be reached."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = files or {}

    async def get(self, url: str, *, bytes_max: int, workspace_id: str) -> bytes:
        """Return the file of the URL, or raise ``FetchError``."""
        if url not in self._files:
            raise FetchError("connect", url)
        if len(self._files[url]) > bytes_max:
            raise FetchError("too_large", url)
        return self._files[url]

    async def download(self, url: str, path: Path, *, bytes_max: int, workspace_id: str) -> None:
        """Write the file of the URL to the path, or raise ``FetchError``."""
        content = await self.get(url, bytes_max=bytes_max, workspace_id=workspace_id)
        await asyncio.to_thread(path.write_bytes, content)
