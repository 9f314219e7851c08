"""Results for a model: small pictures unchanged, large ones scaled down, all others as links."""

from __future__ import annotations

import asyncio
import mimetypes
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from ringback.files.artifacts.names import TYPE_OF_SUFFIX
from ringback.files.media.content import PICTURES, UNKNOWN
from ringback.mcp.operations import Operations
from ringback.mcp.outcome import Link, Picture

SHOWN_MAX = 4
SHOWN_BYTES_MAX = 600_000  # of all pictures in one response: hosts refuse megabytes
FETCHED_BYTES_MAX = 32 << 20
_SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_SCALING_S = 30.0


class Results:
    """Fetches results, within the limits of one response."""

    def __init__(self, operations: Operations, scaling: asyncio.Semaphore) -> None:
        self._operations = operations
        self._scaling = scaling  # held while a process scales a picture down

    async def shown(self, urls: Sequence[str]) -> tuple[Picture | Link, ...]:
        """Return the results: pictures while the limits allow, all others as links.

        A picture that was scaled down, or that hosts do not show as it is, is linked too.
        """
        found: list[Picture | Link] = []
        pictures = [url for url in urls if _kind_of(url).startswith("image/")][:SHOWN_MAX]
        room = SHOWN_BYTES_MAX // max(1, len(pictures))
        for number, url in enumerate(urls, 1):
            picture, is_whole = None, False
            if url in pictures:
                picture, is_whole = await self._picture(url, room)
            if picture is not None:
                found.append(picture)
            if not is_whole:
                found.append(Link(url=url, name=f"result {number}", media_type=_kind_of(url)))
        return tuple(found)

    async def _picture(self, url: str, bytes_max: int) -> tuple[Picture | None, bool]:
        found = await self._operations.content(url, bytes_max=FETCHED_BYTES_MAX)
        if found is None:
            return None, False  # it is linked
        content, media_type = found
        if media_type not in PICTURES:
            return None, False
        if media_type in _SHOWN_TYPES and len(content) <= bytes_max:
            return Picture(content=content, media_type=media_type), True
        smaller = await self._scaled_down(content, bytes_max)
        if smaller is None:
            return None, False
        return Picture(content=smaller, media_type="image/jpeg"), False

    async def _scaled_down(self, content: bytes, bytes_max: int) -> bytes | None:
        """Return a picture as a small JPEG, made in a separate process with limited resources."""
        async with self._scaling:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ringback.mcp.shrinking", str(bytes_max)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
            )
            try:
                async with asyncio.timeout(_SCALING_S):
                    made, _ = await process.communicate(content)
            except TimeoutError:
                return None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        return made if process.returncode == 0 and made else None


def _kind_of(url: str) -> str:
    path = urlsplit(url).path
    suffix = PurePosixPath(path).suffix.lower()
    return TYPE_OF_SUFFIX.get(suffix) or mimetypes.guess_type(path)[0] or UNKNOWN
